// Protobuf's wire format, as far as a file is read or written without its weights in memory: tags,
// varints and length-delimited fields (protobuf.dev/programming-guides/encoding).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace onnxport::onnx::wire {

inline size_t varint_size(uint64_t value) {
  size_t n = 1;
  while (value >= 0x80) value >>= 7, ++n;
  return n;
}

inline void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// The tag and length of a length-delimited field; its `size` bytes come next.
inline void put_header(std::string& out, int field, uint64_t size) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  put_varint(out, size);
}
inline size_t header_size(int field, uint64_t size) {
  return varint_size(static_cast<uint64_t>(field) << 3) + varint_size(size);
}

inline void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_header(out, field, bytes.size());
  out += bytes;
}

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  int type = 0;
  uint64_t varint = 0;     // kVarint
  std::string_view bytes;  // kBytes: the content; kFixed32, kFixed64: the little-endian bytes
  std::string_view whole;  // tag, length and content
  bool is_bytes(uint32_t n) const { return number == n && type == kBytes; }
};

// Walks the fields of one message, over bytes that outlive it.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  // The next field; nullopt at the end. The error says at which byte of the message it is broken.
  Result<std::optional<Field>> next() {
    if (at_ == bytes_.size()) return std::optional<Field>();
    const size_t start = at_;
    uint64_t tag = 0;
    Field field;
    if (!take_varint(tag)) return broken(start);
    field.number = static_cast<uint32_t>(tag >> 3);
    field.type = static_cast<int>(tag & 7);
    if (field.number == 0 || tag >> 32 != 0 || !take_content(field)) return broken(start);
    field.whole = bytes_.substr(start, at_ - start);
    return std::optional<Field>(field);
  }

 private:
  bool take_varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 70 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool take_content(Field& field) {
    uint64_t size = 0;
    switch (field.type) {
      case kVarint:
        return take_varint(field.varint);
      case kBytes:
        if (!take_varint(size)) return false;
        break;
      case kFixed32:
        size = 4;
        break;
      case kFixed64:
        size = 8;
        break;
      default:
        return false;  // groups are not used by ONNX
    }
    if (size > bytes_.size() - at_) return false;
    field.bytes = bytes_.substr(at_, size);
    at_ += size;
    return true;
  }

  Error broken(size_t start) const {
    return Error{"the file is damaged or cut off: byte " + std::to_string(start) +
                     " of a message of " + std::to_string(bytes_.size()) +
                     " is not a protobuf field that fits; export or download it again",
                 ""};
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace onnxport::onnx::wire
