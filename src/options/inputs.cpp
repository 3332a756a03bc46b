#include "options/inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace onnxport::options {
namespace {

bool is_empty(const InputSpec& spec) {
  InputSpec empty;
  empty.name = spec.name;
  return spec == empty;
}

// The option that a spec comes from: the first of its members, as the command line has them.
const char* option_of(const InputSpec& spec) {
  if (spec.sizes) return "--input-shape";
  if (spec.axes) return "--dynamic-axes";
  if (spec.range) return "--input-range";
  return "--input-names";
}

template <typename T>
Status take(T& to, const T& from, const char* option, const std::string& input) {
  if (from == T() || from == to) return {};
  if (to != T()) {
    return Error{
        fmt::format("input `{}` is given twice: by name and by position, or by two names", input),
        option};
  }
  to = from;
  return {};
}

}  // namespace

InputSpec& input_named(std::vector<InputSpec>& inputs, const std::string& name) {
  auto found = std::find_if(inputs.begin(), inputs.end(),
                            [&](const InputSpec& spec) { return spec.name == name; });
  if (found != inputs.end()) return *found;
  inputs.push_back({.name = name});
  return inputs.back();
}

InputSpec& input_at(std::vector<InputSpec>& inputs, size_t position) {
  size_t seen = 0;
  for (InputSpec& spec : inputs) {
    if (spec.name.empty() && seen++ == position) return spec;
  }
  for (; seen <= position; ++seen) inputs.emplace_back();
  return inputs.back();
}

void drop_empty(std::vector<InputSpec>& inputs) {
  bool last = true;
  for (size_t i = inputs.size(); i-- > 0;) {
    const bool counted = inputs[i].name.empty() && !last;
    if (is_empty(inputs[i]) && !counted) {
      inputs.erase(inputs.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (inputs[i].name.empty()) {
      last = false;
    }
  }
}

std::optional<DType> type_named(const std::string& name) {
  for (DType type :
       {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kBFloat16, DType::kInt64,
        DType::kInt32, DType::kInt16, DType::kInt8, DType::kUint8, DType::kBool}) {
    if (name == onnxport::name(type)) return type;
  }
  return std::nullopt;
}

bool has_axes(const std::vector<InputSpec>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const InputSpec& spec) { return spec.axes.has_value(); });
}

bool has_sizes(const std::vector<InputSpec>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const InputSpec& spec) { return spec.sizes.has_value(); });
}

std::vector<std::string> new_names(const std::vector<InputSpec>& inputs) {
  std::vector<std::string> names;
  for (const InputSpec& spec : inputs) {
    if (spec.name.empty() && !spec.new_name.empty()) names.push_back(spec.new_name);
  }
  return names;
}

Result<std::vector<InputSpec>> for_inputs(const std::vector<InputSpec>& specs,
                                          const std::vector<std::string>& names,
                                          const std::vector<std::string>& own_names) {
  std::vector<InputSpec> out;
  for (const std::string& name : names) out.push_back({.name = name});
  size_t position = 0;
  for (const InputSpec& spec : specs) {
    const bool by_position = spec.name.empty();
    size_t at = by_position ? position++ : 0;
    const bool asks =
        spec.sizes || spec.range || (spec.axes && !(by_position && spec.axes->empty()));
    if (!asks) continue;
    if (!by_position) {
      while (at < names.size() && names[at] != spec.name && own_names[at] != spec.name) ++at;
    }
    if (at >= names.size()) {
      const std::string known = fmt::format("{}", fmt::join(names, ", "));
      return Error{
          by_position
              ? fmt::format("{} inputs are given by position, the model has {}: {}", position,
                            names.size(), known)
              : fmt::format("the model has no input `{}`; its inputs are: {}", spec.name, known),
          option_of(spec)};
    }
    TRY(take(out[at].sizes, spec.sizes, "--input-shape", names[at]));
    TRY(take(out[at].axes, spec.axes, "--dynamic-axes", names[at]));
    TRY(take(out[at].range, spec.range, "--input-range", names[at]));
  }
  return out;
}

}  // namespace onnxport::options
