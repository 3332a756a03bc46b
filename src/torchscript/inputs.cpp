#include "torchscript/inputs.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "torchscript/convert.h"

namespace onnxport::torchscript {
namespace {

using libtorch::ScriptOptions;

constexpr const char* kBatch = "batch_size";

// Sizes that stand for a dynamic one in the samples. Never 1, which broadcasts; for a large size
// others that divide alike. Which of two sizes is the larger changes from sample to sample, and by
// how much, so that what follows from min(), max() or their quotient is not taken for a constant.
std::vector<int64_t> sizes_like(int64_t example, int axis, size_t symbol) {
  static constexpr int64_t kSmall[kSamples] = {2, 3, 5, 7};
  static constexpr int64_t kPercent[3][kSamples] = {
      {100, 300, 110, 140}, {100, 120, 300, 150}, {100, 130, 120, 300}};
  std::vector<int64_t> out;
  int64_t step = 32;
  while (example % step != 0) step /= 2;
  for (size_t w = 0; w < kSamples; ++w) {
    if (axis == 0 && example <= 16) {
      out.push_back(kSmall[(w + symbol) % kSamples] + (example > 8 ? example : 0));
      continue;
    }
    // The example itself, and larger ones, no two alike.
    int64_t size = std::max<int64_t>(example * kPercent[symbol % 3][w] / 100 / step * step, 2);
    while (std::find(out.begin(), out.end(), size) != out.end()) size += step;
    out.push_back(size);
  }
  return out;
}

bool wants_tensor(const c10::Argument& argument) {
  const c10::TypePtr& type = argument.type();
  if (argument.default_value()) return false;
  if (type->kind() == c10::TypeKind::TensorType) return true;
  return (type->kind() == c10::TypeKind::ListType || type->kind() == c10::TypeKind::TupleType) &&
         type->containedType(0)->kind() == c10::TypeKind::TensorType;
}

// Can be given with --input-value.
bool is_value(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::IntType:
    case c10::TypeKind::FloatType:
    case c10::TypeKind::BoolType:
    case c10::TypeKind::StringType:
    case c10::TypeKind::NumberType:
      return true;
    default:
      return false;
  }
}

// A parameter whose value is given.
Ref fixed(const std::string& name, const ScriptOptions::Number& value,
          const c10::TypePtr& declared) {
  c10::TypePtr type =
      declared->kind() == c10::TypeKind::OptionalType ? declared->containedType(0) : declared;
  const auto* whole = std::get_if<int64_t>(&value);
  if (whole != nullptr && type->kind() == c10::TypeKind::TensorType) {
    Tensor made;
    made.literal = true;
    made.stored = at::empty({}, at::kLong).fill_(*whole);
    return make(std::move(made));
  }
  c10::IValue given = std::visit([](const auto& v) { return c10::IValue(v); }, value);
  if (whole != nullptr && type->kind() == c10::TypeKind::FloatType) {
    given = static_cast<double>(*whole);
  } else if (whole != nullptr && type->kind() == c10::TypeKind::BoolType) {
    given = *whole != 0;
  }
  if (!given.type()->isSubtypeOf(*type)) {
    throw Refusal(fmt::format("input `{}` is of type {}; the value given for it is of type {}",
                              name, type->repr_str(), given.type()->repr_str()));
  }
  return plain(given);
}

}  // namespace

std::vector<Ref> Inputs::read(const c10::FunctionSchema& schema) {
  size_t tensors = 0;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    tensors += wants_tensor(schema.arguments()[i]) ? 1 : 0;
  }
  only_ = tensors == 1;
  std::vector<Ref> out;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    out.push_back(parameter(argument));
  }
  for (const auto& [name, value] : options_.values) refuse_unknown(name, "value", schema);
  for (const auto& [name, type] : options_.dtypes) refuse_unknown(name, "type", schema);
  if (next_ < options_.sizes.size()) {
    throw Refusal(
        fmt::format("{} input shapes are given, forward() takes {}", options_.sizes.size(), next_));
  }
  return out;
}

// What was given for a name that no input has.
void Inputs::refuse_unknown(const std::string& name, const char* what,
                            const c10::FunctionSchema& schema) const {
  if (taken_.contains(name)) return;
  std::vector<std::string> names;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    names.push_back(schema.arguments()[i].name());
  }
  throw Refusal(
      fmt::format("a {} is given for `{}`, which forward() does not take so: its inputs are {}",
                  what, name, fmt::join(names, ", ")));
}

Ref Inputs::parameter(const c10::Argument& argument) {
  const std::string& name = argument.name();
  if (auto given = options_.values.find(name); given != options_.values.end()) {
    taken_.insert(name);
    e_.recorder().note(fmt::format("input `{}` is not a tensor: it is fixed in the file", name));
    return fixed(name, given->second, argument.type());
  }
  const bool sized = options_.named_sizes.contains(name);
  c10::TypePtr type = argument.type();
  if (type->kind() == c10::TypeKind::OptionalType && sized) type = type->containedType(0);
  if (argument.default_value() && !sized) {
    return e_.archive().stored(*argument.default_value(), "");
  }
  if (type->kind() == c10::TypeKind::OptionalType) return none();
  return typed(type, name);
}

Ref Inputs::typed(const c10::TypePtr& type, const std::string& name) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType:
      return tensor(name, {1, 3, 224, 224});
    case c10::TypeKind::TupleType: {
      std::vector<Ref> items;
      size_t i = 0;
      for (const c10::TypePtr& element : type->containedTypes()) {
        items.push_back(typed(element, fmt::format("{}_{}", name, i++)));
      }
      return tuple(std::move(items), type);
    }
    case c10::TypeKind::ListType: {
      if (type->containedType(0)->kind() != c10::TypeKind::TensorType) break;
      std::vector<Ref> items;
      in_list_ = true;
      do {
        items.push_back(tensor(fmt::format("{}_{}", name, items.size()), {3, 224, 224}));
      } while (next_ < options_.sizes.size());
      in_list_ = false;
      return tensor_list(std::move(items));
    }
    default:
      break;
  }
  if (!is_value(type)) {
    throw Refusal(fmt::format(
        "input `{}` is of type {}, which has no ONNX equivalent: wrap the model in one whose "
        "forward() takes tensors",
        name, type->repr_str()));
  }
  throw Refusal(fmt::format("input `{}` ({}) has no value: give it with --input-value {}=...", name,
                            type->repr_str(), name));
}

// The sizes that are given for this input.
std::vector<int64_t> Inputs::sizes_of(const std::string& name,
                                      const std::vector<int64_t>& otherwise) {
  auto named = options_.named_sizes.find(name);
  if (named == options_.named_sizes.end() && only_) named = options_.named_sizes.find("input");
  if (named != options_.named_sizes.end()) return named->second;
  if (next_ < options_.sizes.size()) return options_.sizes[next_++];
  if (only_) return otherwise;
  throw Refusal(
      fmt::format("the shape of input `{}` is not known: give it with --input-shape "
                  "{}:1,3,224,224",
                  name, name));
}

at::ScalarType Inputs::type_of_input(const std::string& name) {
  auto dtype = options_.dtypes.find(name);
  if (dtype == options_.dtypes.end() && only_) dtype = options_.dtypes.find("input");
  if (dtype != options_.dtypes.end()) {
    taken_.insert(dtype->first);
    auto asked = scalar_type(dtype->second);
    if (!asked.ok()) throw Refusal(asked.error().str());
    return *asked;
  }
  auto found = types_.find(name);
  return found == types_.end() ? at::kFloat : found->second;
}

Ref Inputs::tensor(const std::string& name, const std::vector<int64_t>& otherwise) {
  const std::vector<int64_t> sizes = sizes_of(name, otherwise);
  const at::ScalarType type = type_of_input(name);
  Shape dims;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    const std::string symbol = symbol_of(name, static_cast<int>(axis), sizes[axis]);
    dims.push_back(symbol.empty() ? Expr(sizes[axis]) : Expr::symbol(symbol));
  }
  return e_.recorder().new_input(name, type, std::move(dims));
}

// The name of a dynamic size; "" for a fixed one.
std::string Inputs::symbol_of(const std::string& name, int axis, int64_t example) {
  if (!dynamic_) return "";
  std::string symbol;
  if (!options_.dynamic_axes) {
    if (axis != 0 || in_list_) return "";  // a list is the batch
    if (first_batch_ == 0) first_batch_ = example;
    if (example != first_batch_) return "";  // not a batch: a list's images, a state's layers
    symbol = kBatch;
  } else {
    auto axes = options_.dynamic_axes->find(name);
    if (axes == options_.dynamic_axes->end() && only_) axes = options_.dynamic_axes->find("input");
    if (axes == options_.dynamic_axes->end()) return "";
    auto found = axes->second.find(axis);
    if (found == axes->second.end()) return "";
    symbol = found->second;
  }
  if (symbols_.insert(symbol).second) {
    e_.sizes().add_symbol(symbol, sizes_like(example, axis, symbols_.size() - 1));
    e_.recorder().program().ranges[symbol] = Range{1, INT64_MAX};
    e_.recorder().program().examples[symbol] = example;
  }
  return symbol;
}

}  // namespace onnxport::torchscript
