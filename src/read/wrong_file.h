// Files that people give by mistake where a .pt2 is wanted: recognised by content, with what to do.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/result.h"
#include "formats/zip.h"

namespace onnxport::read {

// For a file that is no zip archive; nullopt if it may be one.
std::optional<Error> wrong_file(std::span<const std::byte> bytes);

// For a zip archive without an exported program in it.
Error wrong_zip(const formats::Zip& zip);

}  // namespace onnxport::read
