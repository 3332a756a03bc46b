// Model -> ONNX file, streamed and atomic: a temporary beside the target, fsync, rename. Weights
// are copied block by block from where they are (mapped file, lazy view): memory follows the graph.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "onnx/graph.h"

namespace onnxport::onnx {

struct WriteOptions {
  // Above this size of the whole file, initializers go to `<file>.data` (protobuf's limit is 2 GB).
  uint64_t external_data_above = (uint64_t{1} << 31) - (uint64_t{1} << 20);
  std::stop_token cancel = {};  // looked at before every block of elements
};

struct Written {
  uint64_t bytes = 0;           // the .onnx file
  uint64_t external_bytes = 0;  // the .data file beside it; 0 if there is none
};

// A model in memory, as it would be written.
struct Serialized {
  static constexpr const char* kDataLocation = "weights";  // what the model calls `data`
  std::string model;
  std::string data;  // of initializers, where they are external
};
Result<Serialized> serialize(const Model& model, const WriteOptions& options = {});

// Nothing is left behind on an error (disk full, no permission, ...), and what was at `path` stays.
Result<Written> write_model(const Model& model, const std::string& path,
                            const WriteOptions& options = {});

}  // namespace onnxport::onnx
