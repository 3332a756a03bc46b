// What is known of the integers that a value contains, from its constant or by inference; and the
// lists of integers that operators take, as attributes or inputs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "onnx/graph.h"

namespace onnxport::onnx {

constexpr size_t kMaxKnownInts = 256;  // longer tensors are data, not sizes

// Of an integer or bool scalar or list, perhaps symbolic; nullopt: not known, or v is null.
std::optional<std::vector<Expr>> known_ints(const Value* v);
// The same where all are numbers.
std::optional<std::vector<int64_t>> known_numbers(const Value* v);
// An int64, int32 or bool value whose content inference knows completely, as a constant.
std::optional<Tensor> known_tensor(const Value& v);

// The attribute `name`, or the input that it became (ops::OpDef::became_inputs). nullopt: it is
// there, but not known. Left out altogether: an empty list, with `left_out` set.
std::optional<std::vector<int64_t>> list_of(const Node& node, std::string_view name,
                                            bool* left_out = nullptr);

// A Transpose's axes, spelt out; nullopt: its rank is not known, or they are no permutation of it.
std::optional<std::vector<int64_t>> perm_of(const Node& transpose);
// Whether perm names each of `rank` axes once.
bool is_permutation(const std::vector<int64_t>& perm, size_t rank);

}  // namespace onnxport::onnx
