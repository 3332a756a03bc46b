// The archive side of a .pt2: which entries it has in which layout, and its weights by name.
// docs/pt2.md describes the layouts.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "read/pt2.h"

namespace onnxport::read {

struct Pt2Archive {
  std::string json_entry;                             // for error messages
  std::shared_ptr<const Storage> json;                // the exported program
  std::unordered_map<std::string, Tensor> state;      // parameters and persistent buffers
  std::unordered_map<std::string, Tensor> constants;  // lifted constants, non-persistent buffers
  std::vector<std::string> notes;
};

// Whether the entry of this name is an exported program, in either layout.
bool is_program_entry(const std::string& name);

// `bytes` is the whole file. Errors name the entry, not the file.
Result<Pt2Archive> open_pt2_archive(std::shared_ptr<const Storage> bytes, const Limits& limits);

}  // namespace onnxport::read
