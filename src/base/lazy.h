// Storages that compute their bytes while they are read: what Tensor::transposed, scaled and cast
// return. Each keeps its source alive, forwards release() to it, and may be read from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace onnxport {

using StoragePtr = std::shared_ptr<const Storage>;

// `source` itself when the permutation moves nothing. A transposition of a transposition is one,
// and of a cast or scaling moves below it, so that the source of a transposition is in memory if it
// can be.
StoragePtr lazy_transpose(StoragePtr source, size_t element_size, std::vector<int64_t> dims,
                          std::vector<int64_t> perm);

// float32 or float64; multiplied in double and rounded once.
StoragePtr lazy_scale(StoragePtr source, DType dtype, std::vector<int64_t> dims, size_t axis,
                      std::vector<double> factors);

// Between any two types of at least 8 bits that are neither strings nor complex: as C++ and numpy
// convert. An integer that does not fit wraps; a float out of an integer's range saturates at
// int64 first (C++ leaves it undefined); NaN becomes 0.
StoragePtr lazy_cast(StoragePtr source, DType from, DType to);

struct LazyCast {
  StoragePtr source;
  DType from;
  DType to;
};
std::optional<LazyCast> lazy_cast_source(const Storage& storage);  // what a lazy_cast() casts

std::vector<std::string> transpose_strings(const std::vector<std::string>& strings,
                                           const std::vector<int64_t>& dims,
                                           const std::vector<int64_t>& perm);

}  // namespace onnxport
