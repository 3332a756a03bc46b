// A part of another storage's bytes: how archive entries and tensors inside them point into a
// mapped file. Keeps the other storage alive.
#pragma once

#include <memory>

#include "base/file.h"
#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::formats {

// All of a mapped file. Slices of it, and of them, give their pages back when released.
std::shared_ptr<const Storage> whole_file(std::shared_ptr<const MappedFile> file);

// The bytes [offset, offset + size) of `base`, which must lie inside it and be viewable in memory.
Result<std::shared_ptr<const Storage>> slice(std::shared_ptr<const Storage> base, size_t offset,
                                             size_t size);

// Bytes owned in memory.
std::shared_ptr<const Storage> owned(std::vector<std::byte> bytes);

}  // namespace onnxport::formats
