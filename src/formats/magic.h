// What a file is, by its first bytes: the kinds that people give where another is wanted.
#pragma once

#include <cstddef>
#include <span>

namespace onnxport::formats {

enum class Magic {
  kUnknown,
  kEmpty,
  kZip,
  kOnnx,
  kPickle,
  kHdf5,
  kSafetensors,
  kTfLite,
  kGitLfs,  // the pointer that stands for a file that was not fetched
  kWebPage,
};
Magic magic_of(std::span<const std::byte> bytes);

}  // namespace onnxport::formats
