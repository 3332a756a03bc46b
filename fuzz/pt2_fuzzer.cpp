// Any bytes as a .pt2 give an Error or a program, within the limits.
#include "fuzz/fuzz.h"
#include "read/pt2.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  onnxport::read::Limits limits;
  limits.max_json_bytes = size_t{1} << 22;
  limits.max_inflated = limits.max_json_bytes;
  limits.max_entries = 1000;
  limits.max_nodes = 10'000;
  onnxport::fuzz::with_file(bytes, size, [&](const std::string& path) {
    auto program = onnxport::read::read_pt2(path, limits);
    static_cast<void>(program.ok());
  });
  return 0;
}
