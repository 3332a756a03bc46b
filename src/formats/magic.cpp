#include "formats/magic.h"

#include <cstdint>
#include <cstring>
#include <string_view>

#include "formats/zip.h"

namespace onnxport::formats {
namespace {

using Bytes = std::span<const std::byte>;

bool begins(Bytes bytes, std::string_view magic, size_t at = 0) {
  return bytes.size() >= at + magic.size() &&
         std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

// {length: 8 bytes}{json}: the JSON's first byte is an open brace and the length fits in the file.
bool is_safetensors(Bytes bytes) {
  if (bytes.size() < 10 || static_cast<char>(bytes[8]) != '{') return false;
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return length <= bytes.size() - 8;
}

// ModelProto: field 1 (ir_version, varint) first, then another small field number.
bool is_onnx(Bytes bytes) {
  return bytes.size() > 16 && bytes[0] == std::byte{0x08} && bytes[1] < std::byte{0x20} &&
         (bytes[2] == std::byte{0x12} || bytes[2] == std::byte{0x3a} ||
          bytes[2] == std::byte{0x42});
}

// Protocols 2 to 5; old torch.save files begin with a pickled number.
bool is_pickle(Bytes bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x80} && bytes[1] >= std::byte{2} &&
         bytes[1] <= std::byte{5};
}

}  // namespace

Magic magic_of(Bytes bytes) {
  if (bytes.empty()) return Magic::kEmpty;
  if (looks_like_zip(bytes)) return Magic::kZip;
  if (begins(bytes, "\x89HDF\r\n\x1a\n")) return Magic::kHdf5;
  if (is_safetensors(bytes)) return Magic::kSafetensors;
  if (is_onnx(bytes)) return Magic::kOnnx;
  if (is_pickle(bytes)) return Magic::kPickle;
  if (begins(bytes, "version https://git-lfs")) return Magic::kGitLfs;
  if (begins(bytes, "TFL3", 4)) return Magic::kTfLite;
  if (begins(bytes, "<!DOCTYPE html") || begins(bytes, "<!doctype html") ||
      begins(bytes, "<html")) {
    return Magic::kWebPage;
  }
  return Magic::kUnknown;
}

}  // namespace onnxport::formats
