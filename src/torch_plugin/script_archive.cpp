#include "torch_plugin/script_archive.h"

#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>
#undef CHECK  // c10's; ours follows

#include <algorithm>
#include <memory>
#include <utility>

namespace onnxport::torch_plugin {
namespace {

constexpr size_t kLarge = size_t{1} << 20;

class Bytes final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit Bytes(std::shared_ptr<const Storage> bytes) : bytes_(std::move(bytes)) {}

  size_t size() const override { return bytes_->size(); }
  size_t read(uint64_t pos, void* buf, size_t n, const char* /*what*/) const override {
    if (pos >= bytes_->size()) return 0;
    n = std::min<size_t>(n, bytes_->size() - pos);
    bytes_->read(pos, {static_cast<std::byte*>(buf), n});
    // A weight is read once: the file's pages need not stay beside libtorch's copy.
    if (n >= kLarge) bytes_->release_range(pos, n);
    return n;
  }

 private:
  std::shared_ptr<const Storage> bytes_;
};

// Two zip readers, one archive: what libtorch's sees is what ours has looked at.
void compare_records(const std::shared_ptr<Bytes>& bytes, const libtorch::ScriptFile& file) {
  caffe2::serialize::PyTorchStreamReader reader(bytes);
  const size_t seen = reader.getAllRecords().size();
  TORCH_CHECK(seen == file.records.size(), "the archive has ", seen, " records instead of ",
              file.records.size());
  for (const auto& [name, size] : file.records) {
    TORCH_CHECK(reader.hasRecord(name) && reader.getRecordSize(name) == size,
                "the archive's record `", name, "` is missing or is not of ", size, " bytes");
  }
}

}  // namespace

torch::jit::Module load_archive(const libtorch::ScriptFile& file, DebugFiles debug) {
  auto bytes = std::make_shared<Bytes>(file.archive);
  compare_records(bytes, file);
  torch::jit::Module module = torch::jit::load(bytes, c10::kCPU, debug == DebugFiles::kLoad);
  module.eval();
  return module;
}

}  // namespace onnxport::torch_plugin
