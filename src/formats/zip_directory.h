// The directory of a zip archive, in the one form that is accepted (formats/zip.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/zip.h"

namespace onnxport::formats {

// The entries in the directory's order. Every header is read, no data is. Takes memory and time by
// what the archive holds, not by what it says. An error names the entry, what is wrong and what to
// do.
Result<std::vector<ZipEntry>> read_zip_directory(std::span<const std::byte> archive,
                                                 size_t max_entries);

// Signatures, and the sizes of what stands in records before names and extra fields.
namespace zip {
inline constexpr uint32_t kLocal = 0x04034b50;
inline constexpr uint32_t kDescriptor = 0x08074b50;
inline constexpr uint32_t kCentral = 0x02014b50;
inline constexpr uint32_t kEnd64 = 0x06064b50;
inline constexpr uint32_t kLocator64 = 0x07064b50;
inline constexpr uint32_t kEnd = 0x06054b50;
inline constexpr size_t kLocalSize = 30;
inline constexpr size_t kCentralSize = 46;
inline constexpr size_t kEnd64Size = 56;
inline constexpr size_t kLocator64Size = 20;
inline constexpr size_t kEndSize = 22;
inline constexpr uint16_t kExtra64 = 1;         // the extra field with numbers of 64 bits
inline constexpr uint32_t kMax32 = 0xffffffff;  // "see there" in a field of 32 bits
inline constexpr uint16_t kMax16 = 0xffff;
}  // namespace zip

}  // namespace onnxport::formats
