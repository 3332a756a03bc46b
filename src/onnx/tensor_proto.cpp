#include "onnx/tensor_proto.h"

#include <charconv>
#include <filesystem>

#include "onnx/wire.h"

namespace onnxport::onnx {
namespace {

constexpr uint32_t kRawData = 9;

Result<DType> dtype_of(const ::onnx::TensorProto& proto) {
  const auto dtype = static_cast<DType>(proto.data_type());
  if (dtype == DType::kString || bit_size(dtype) > 0) return dtype;
  return Error{"element type " + std::to_string(proto.data_type()) +
                   " is not one that onnxport knows (1 to 28)",
               ""};
}

Error wrong_size(size_t found, size_t expected, const char* unit) {
  return Error{"it has " + std::to_string(found) + " " + unit + "; its sizes and type say " +
                   std::to_string(expected) + "; the file is damaged",
               ""};
}

// The elements of a typed field, each stored as a Target.
template <typename Target, typename Elements>
Result<std::vector<std::byte>> narrowed(const Elements& elements, size_t expected_bytes) {
  if (static_cast<size_t>(elements.size()) * sizeof(Target) != expected_bytes) {
    return wrong_size(elements.size(), expected_bytes / sizeof(Target), "elements");
  }
  std::vector<std::byte> out(expected_bytes);
  size_t at = 0;
  for (const auto element : elements) {
    const auto value = static_cast<Target>(element);
    std::memcpy(out.data() + at, &value, sizeof(Target));
    at += sizeof(Target);
  }
  return out;
}

// Which typed field holds which element type: the comments in onnx.proto.
Result<std::vector<std::byte>> typed_elements(const ::onnx::TensorProto& proto, DType dtype,
                                              size_t size) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64:
      return narrowed<float>(proto.float_data(), size);
    case DType::kDouble:
    case DType::kComplex128:
      return narrowed<double>(proto.double_data(), size);
    case DType::kInt64:
      return narrowed<int64_t>(proto.int64_data(), size);
    case DType::kUint64:
      return narrowed<uint64_t>(proto.uint64_data(), size);
    case DType::kUint32:
      return narrowed<uint32_t>(proto.uint64_data(), size);
    case DType::kInt32:
      return narrowed<int32_t>(proto.int32_data(), size);
    case DType::kUint16:
    case DType::kInt16:
    case DType::kFloat16:
    case DType::kBFloat16:
      return narrowed<uint16_t>(proto.int32_data(), size);
    default:  // 8 bits and less: a byte (of packed elements) in each int32
      return narrowed<uint8_t>(proto.int32_data(), size);
  }
}

Result<uint64_t> parse_number(const std::string& text, const char* key) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return Error{std::string("its external data's ") + key + " `" + text + "` is not a number", ""};
}

// Relative, and no part of it is "..".
bool stays_inside(std::string_view location) {
  if (location.empty() || location[0] == '/') return false;
  while (!location.empty()) {
    const size_t slash = location.find('/');
    if (location.substr(0, slash) == "..") return false;
    location = slash == std::string_view::npos ? "" : location.substr(slash + 1);
  }
  return true;
}

}  // namespace

Result<SplitTensor> split_tensor(std::string_view bytes) {
  SplitTensor out;
  std::string rest;
  wire::Reader reader(bytes);
  for (;;) {
    TRY_ASSIGN(const std::optional<wire::Field> field, reader.next());
    if (!field) break;
    if (field->is_bytes(kRawData)) {
      out.raw = field->bytes;
    } else {
      rest += field->whole;
    }
  }
  if (out.rest.ParseFromString(rest)) return out;
  return Error{"the file is damaged: an initializer does not parse", ""};
}

ExternalFiles::ExternalFiles(const std::string& model_path) {
  const size_t slash = model_path.rfind('/');
  if (slash != std::string::npos) folder_ = model_path.substr(0, slash + 1);
  allowed_ = {folder_};
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(model_path, error);
  if (!error) allowed_.push_back(real.parent_path().string());
}

ExternalFiles::ExternalFiles(const ModelFiles& files) : may_open_(false), files_(files.external) {}

Result<std::shared_ptr<const MappedFile>> ExternalFiles::open(const std::string& location) {
  if (!stays_inside(location)) {
    return Error{"its external data is at `" + location +
                     "`; only a file inside the model's own folder is read",
                 ""};
  }
  auto& file = files_[location];
  if (file == nullptr && !may_open_) {
    return Error{"its external data is at `" + location + "`, which is not open", ""};
  }
  if (file == nullptr) {
    TRY_ASSIGN(file, MappedFile::open_inside(folder_ + location, allowed_));
  }
  return file;
}

Result<std::shared_ptr<const Storage>> ExternalFiles::storage(const ::onnx::TensorProto& proto,
                                                              size_t size) {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = size;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") {
      TRY_ASSIGN(offset, parse_number(entry.value(), "offset"));
    } else if (entry.key() == "length") {
      TRY_ASSIGN(length, parse_number(entry.value(), "length"));
    }
  }
  TRY_ASSIGN(const auto file, open(location));
  if (length != size) return wrong_size(length, size, "bytes of external data");
  return file->storage(offset, length);
}

Result<Tensor> from_proto(const ::onnx::TensorProto& proto, std::optional<std::string_view> raw,
                          const MappedFile& file, ExternalFiles& external) {
  TRY_ASSIGN(const DType dtype, dtype_of(proto));
  if (proto.has_segment()) return Error{"it is stored in segments, which nothing supports", ""};
  Tensor tensor{dtype, {proto.dims().begin(), proto.dims().end()}, nullptr, {}};
  TRY_ASSIGN(const size_t size, checked_nbytes(dtype, tensor.dims));

  if (dtype == DType::kString) {
    if (raw && !raw->empty()) return Error{"it has strings as raw data, which ONNX forbids", ""};
    tensor.strings = {proto.string_data().begin(), proto.string_data().end()};
    const auto expected = static_cast<size_t>(tensor.numel());
    if (tensor.strings.size() != expected) {
      return wrong_size(tensor.strings.size(), expected, "strings");
    }
    return tensor;
  }
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) {
    TRY_ASSIGN(tensor.storage, external.storage(proto, size));
    return tensor;
  }
  if (raw && !raw->empty()) {
    if (raw->size() != size) return wrong_size(raw->size(), size, "bytes");
    TRY_ASSIGN(tensor.storage, file.storage(raw->data() - file.text().data(), size));
    return tensor;
  }
  if (!proto.raw_data().empty()) {
    if (proto.raw_data().size() != size) return wrong_size(proto.raw_data().size(), size, "bytes");
    const auto bytes = std::as_bytes(std::span(proto.raw_data()));
    return Tensor::owned(dtype, std::move(tensor.dims), {bytes.begin(), bytes.end()});
  }
  TRY_ASSIGN(auto elements, typed_elements(proto, dtype, size));
  return Tensor::owned(dtype, std::move(tensor.dims), std::move(elements));
}

}  // namespace onnxport::onnx
