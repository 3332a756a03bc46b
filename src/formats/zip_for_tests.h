// A zip archive made by hand, for tests that need one that is wrong in a chosen way. Stored
// entries.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/tensor.h"
#include "formats/slice.h"

namespace onnxport::formats {

inline std::shared_ptr<const Storage> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return owned({bytes.begin(), bytes.end()});
}

inline std::string text_of(const Storage& storage) {
  std::string out(storage.size(), '\0');
  storage.read(0, std::as_writable_bytes(std::span(out)));
  return out;
}

struct TestEntry {
  std::string name;
  std::string content;
  // What the headers claim, where that is not the truth.
  int64_t claimed_size = -1;
  int64_t claimed_offset = -1;  // of the local header, in the directory
  int64_t claimed_crc = -1;
  uint16_t method = 0;
};

class TestZip {
 public:
  static std::string make(const std::vector<TestEntry>& entries) {
    TestZip zip;
    std::string directory;
    for (const TestEntry& e : entries) {
      const size_t at = zip.out_.size();
      zip.u32(0x04034b50);
      zip.common(e);
      zip.u16(0);  // extra
      zip.out_ += e.name + e.content;
      std::swap(zip.out_, directory);
      zip.u32(0x02014b50);
      zip.u16(20);
      zip.common(e);
      zip.u16(0), zip.u16(0), zip.u16(0), zip.u16(0), zip.u32(0);
      zip.u32(static_cast<uint32_t>(e.claimed_offset >= 0 ? e.claimed_offset
                                                          : static_cast<int64_t>(at)));
      zip.out_ += e.name;
      std::swap(zip.out_, directory);
    }
    const size_t directory_at = zip.out_.size();
    zip.out_ += directory;
    zip.u32(0x06054b50);
    zip.u16(0), zip.u16(0);
    zip.u16(static_cast<uint16_t>(entries.size()));
    zip.u16(static_cast<uint16_t>(entries.size()));
    zip.u32(static_cast<uint32_t>(directory.size()));
    zip.u32(static_cast<uint32_t>(directory_at));
    zip.u16(0);
    return zip.out_;
  }

 private:
  void u16(uint16_t v) { out_ += static_cast<char>(v & 0xff), out_ += static_cast<char>(v >> 8); }
  void u32(uint32_t v) {
    u16(static_cast<uint16_t>(v & 0xffff)), u16(static_cast<uint16_t>(v >> 16));
  }
  void common(const TestEntry& e) {
    u16(20), u16(0), u16(e.method), u16(0), u16(0);
    const auto* bytes = reinterpret_cast<const Bytef*>(e.content.data());
    uint32_t crc = static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(e.content.size())));
    u32(e.claimed_crc >= 0 ? static_cast<uint32_t>(e.claimed_crc) : crc);
    uint32_t size = static_cast<uint32_t>(
        e.claimed_size >= 0 ? e.claimed_size : static_cast<int64_t>(e.content.size()));
    u32(e.method == 0 ? size : static_cast<uint32_t>(e.content.size()));
    u32(size);
    u16(static_cast<uint16_t>(e.name.size()));
  }
  std::string out_;
};

}  // namespace onnxport::formats
