#include "verify/evaluate.h"

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "onnx/write.h"
#include "verify/child.h"
#include "verify/runtime.h"
#include "verify/temporary.h"

namespace onnxport::verify {
namespace {

// What the child sends: 'e' and an error's text, or 't' and the tensors, each as its type, the
// number of its dimensions, these, the number of its bytes and these.
constexpr char kError = 'e';
constexpr char kTensors = 't';

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

Result<std::string> packed(const std::vector<Tensor>& tensors) {
  std::string out(1, kTensors);
  for (const Tensor& t : tensors) {
    if (t.dtype == DType::kString) return Error{"it gives strings", ""};
    put(out, static_cast<int64_t>(t.dtype));
    put(out, static_cast<int64_t>(t.dims.size()));
    for (const int64_t d : t.dims) put(out, d);
    const std::vector<std::byte> bytes = t.bytes();
    put(out, static_cast<int64_t>(bytes.size()));
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return out;
}

// The child may have crashed while it sent: nothing that is said is believed to be there.
class Unpacker {
 public:
  explicit Unpacker(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  Result<Tensor> tensor() {
    TRY_ASSIGN(const int64_t dtype, number());
    TRY_ASSIGN(const int64_t rank, number());
    std::vector<int64_t> dims;
    for (int64_t i = 0; i < rank; ++i) {
      TRY_ASSIGN(const int64_t size, number());
      dims.push_back(size);
    }
    TRY_ASSIGN(const int64_t size, number());
    TRY_ASSIGN(const size_t expected, checked_nbytes(static_cast<DType>(dtype), dims));
    if (static_cast<size_t>(size) != expected || text_.size() < expected) return cut_off();
    const auto* bytes = reinterpret_cast<const std::byte*>(text_.data());
    text_.remove_prefix(expected);
    return Tensor::owned(static_cast<DType>(dtype), std::move(dims),
                         std::vector<std::byte>(bytes, bytes + expected));
  }

 private:
  static Error cut_off() { return Error{"the results were cut off", ""}; }
  Result<int64_t> number() {
    int64_t value = 0;
    if (text_.size() < sizeof value) return cut_off();
    std::memcpy(&value, text_.data(), sizeof value);
    text_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view text_;
};

Result<std::string> run(const std::string& path) {
  TRY_ASSIGN(auto session, Session::open(path, {.optimize = false, .threads = 1}));
  TRY_ASSIGN(const std::vector<Tensor> results, session->run({}));
  return packed(results);
}

}  // namespace

Result<std::vector<Tensor>> evaluate(const onnx::Model& model) {
  TRY(runtime_version());  // loaded here, once for all children
  TemporaryFile file;
  if (file.path().empty()) return Error{"no temporary file can be made (is TMPDIR writable?)", ""};
  TRY_ASSIGN([[maybe_unused]] auto written, onnx::write_model(model, file.path()));
  TRY_ASSIGN(const ChildEnd end, in_child([&](const Send& send) {
               auto results = run(file.path());
               send(results.ok() ? *results : kError + results.error().str());
             }));
  if (end.crashed) return Error{"ONNX Runtime crashes on its constants: " + end.how, ""};
  const std::string_view text = end.text;
  if (text.starts_with(kError)) return Error{std::string(text.substr(1)), ""};
  if (!text.starts_with(kTensors)) return Error{"ONNX Runtime gave no results", ""};
  std::vector<Tensor> tensors;
  for (Unpacker unpacker(text.substr(1)); !unpacker.done();) {
    TRY_ASSIGN(Tensor tensor, unpacker.tensor());
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace onnxport::verify
