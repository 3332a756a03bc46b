// Reader for `.pt2` files (torch.export.save, torch 2.4 to 2.15). No libtorch, no Python; weights
// stay in the mapped file. The byte layout is described in docs/pt2.md.
#pragma once

#include <cstdint>
#include <string>

#include "aten/program.h"
#include "base/result.h"

namespace onnxport::read {

struct Limits {
  size_t max_json_bytes = size_t{1} << 30;
  size_t max_inflated = size_t{256} << 20;  // of one deflated entry; torch stores them as they are
  int max_json_depth = 256;
  size_t max_entries = 1'000'000;
  size_t max_nodes = 10'000'000;
  // Bytes that all weights may be when they are written out, beyond what the file holds: strides of
  // 0 make a tensor of terabytes of four bytes.
  uint64_t max_expanded = uint64_t{4} << 30;
};

// Whether the file holds an exported program: a zip archive with the entry of one.
bool is_pt2(const std::string& path);

// The program, functional (in-place calls rewritten, see functionalize.h) and validated.
// Errors name the file, the archive entry and the place in it.
Result<aten::Program> read_pt2(const std::string& path, const Limits& limits = {});

}  // namespace onnxport::read
