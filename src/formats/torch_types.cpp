#include "formats/torch_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace onnxport::formats {

namespace {

// c10/core/ScalarType.h has the types, torch/_export/serde/schema.py the numbers. Types of less
// than a byte are left out: what their storages count differs from version to version.
constexpr auto kTypes = std::to_array<TorchType>({
    {"torch ByteStorage", "torch uint8", 1, DType::kUint8, 1},
    {"torch CharStorage", "torch int8", 2, DType::kInt8, 1},
    {"torch ShortStorage", "torch int16", 3, DType::kInt16, 2},
    {"torch IntStorage", "torch int32", 4, DType::kInt32, 4},
    {"torch LongStorage", "torch int64", 5, DType::kInt64, 8},
    {"torch HalfStorage", "torch float16", 6, DType::kFloat16, 2},
    {"torch FloatStorage", "torch float32", 7, DType::kFloat, 4},
    {"torch DoubleStorage", "torch float64", 8, DType::kDouble, 8},
    {"torch ComplexHalfStorage", "torch complex32", 0, DType::kUndefined, 4},
    {"torch ComplexFloatStorage", "torch complex64", 10, DType::kComplex64, 8},
    {"torch ComplexDoubleStorage", "torch complex128", 11, DType::kComplex128, 16},
    {"torch BoolStorage", "torch bool", 12, DType::kBool, 1},
    {"torch BFloat16Storage", "torch bfloat16", 13, DType::kBFloat16, 2},
    {"torch UInt16Storage", "torch uint16", 28, DType::kUint16, 2},
    {"torch Float8_e4m3fnStorage", "torch float8_e4m3fn", 29, DType::kFloat8E4M3FN, 1},
    {"torch Float8_e5m2Storage", "torch float8_e5m2", 30, DType::kFloat8E5M2, 1},
    {"torch Float8_e4m3fnuzStorage", "torch float8_e4m3fnuz", 31, DType::kFloat8E4M3FNUZ, 1},
    {"torch Float8_e5m2fnuzStorage", "torch float8_e5m2fnuz", 32, DType::kFloat8E5M2FNUZ, 1},
    {"torch UInt32Storage", "torch uint32", 34, DType::kUint32, 4},
    {"torch UInt64Storage", "torch uint64", 35, DType::kUint64, 8},
    {"torch QInt8Storage", "torch qint8", 0, DType::kUndefined, 1, true},
    {"torch QUInt8Storage", "torch quint8", 0, DType::kUndefined, 1, true},
    {"torch QInt32Storage", "torch qint32", 0, DType::kUndefined, 4, true},
    {"torch.storage UntypedStorage", "", 0, DType::kUndefined, 1},
});

template <typename Value>
const TorchType* find(Value TorchType::*member, const Value& value) {
  const auto* it = std::find_if(kTypes.begin(), kTypes.end(),
                                [&](const TorchType& type) { return type.*member == value; });
  return value == Value() || it == kTypes.end() ? nullptr : &*it;
}

DType dtype_of(const TorchType* type) { return type == nullptr ? DType::kUndefined : type->dtype; }

}  // namespace

const TorchType* torch_type_of_storage(std::string_view global) {
  return find(&TorchType::storage, global);
}

DType dtype_named(std::string_view global) { return dtype_of(find(&TorchType::name, global)); }

DType dtype_numbered(int64_t number_in_json) {
  return dtype_of(find(&TorchType::number, number_in_json));
}

Result<size_t> bytes_of_elements(const TorchType& type, int64_t elements) {
  int64_t bytes = 0;
  if (elements < 0 || __builtin_mul_overflow(elements, static_cast<int64_t>(type.bytes), &bytes)) {
    return Error{fmt::format("{} elements of {} bytes cannot be", elements, type.bytes), ""};
  }
  return static_cast<size_t>(bytes);
}

}  // namespace onnxport::formats
