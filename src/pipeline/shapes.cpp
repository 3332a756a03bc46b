#include "pipeline/shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "aten/bind_sizes.h"
#include "lower/lower.h"
#include "options/inputs.h"
#include "verify/inputs.h"

namespace onnxport::shapes {
namespace {

using aten::Program;

constexpr const char* kBatch = "batch_size";

const Shape& shape_of(const Program& program, size_t input) {
  static const Shape kNone;
  const auto& shape = program.value(program.inputs[input].value).shape;
  return shape ? *shape : kNone;
}

std::vector<std::string> own_names(const Program& program) {
  std::vector<std::string> names;
  for (const aten::Input& input : program.inputs) names.push_back(input.name);
  return names;
}

using Sizes = std::vector<std::vector<int64_t>>;  // per input; empty: not given
using Axes = std::map<int, std::string>;

Status check_shapes(const Program& program, const std::vector<std::string>& names,
                    const Sizes& given, bool static_shapes) {
  for (size_t i = 0; i < given.size(); ++i) {
    const Shape& shape = shape_of(program, i);
    if (given[i].empty()) continue;
    std::string place = "input `" + names[i] + "`";
    if (given[i].size() != shape.size()) {
      return Error{fmt::format("the shape given has {} dimensions, the model has {}",
                               given[i].size(), to_string(shape)),
                   place};
    }
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      auto fixed = shape[axis].as_const();
      if (!fixed || *fixed == given[i][axis]) continue;
      // Axis 0 of a fixed batch is an example like any other once it is made dynamic.
      if (axis == 0 && !static_shapes) continue;
      return Error{fmt::format("axis {} is fixed to {} in the file, {} was asked; export the .pt2 "
                               "again from inputs of that size, or with "
                               "dynamic_shapes={{\"{}\": {{{}: torch.export.Dim.AUTO}}}}",
                               axis, *fixed, given[i][axis], program.inputs[i].name, axis),
                   place};
    }
  }
  return {};
}

// Values of the symbols in the inputs whose shapes are given; the others' symbols are left alone.
Result<std::map<std::string, int64_t>> given_symbols(const Program& program, const Sizes& given) {
  Program only;
  Sizes dims;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].empty()) continue;
    aten::ValueId id = only.add_value(program.value(program.inputs[i].value));
    only.inputs.push_back({id, program.inputs[i].name});
    dims.push_back(given[i]);
    const Shape& shape = shape_of(program, i);
    if (!shape.empty() && shape[0].is_const()) dims.back()[0] = shape[0].value();
  }
  TRY_ASSIGN(auto sizes, aten::bind_sizes(only, dims));
  for (const auto& [symbol, size] : sizes) {
    auto range = program.ranges.find(symbol);
    if (range == program.ranges.end()) continue;
    int64_t least = range->second.min <= 2 ? 1 : range->second.min;
    if (size >= least && size <= range->second.max) continue;
    return Error{
        fmt::format("size {} is outside the range {} to {} that the model was exported for", size,
                    range->second.min, range->second.max),
        "--input-shape"};
  }
  return sizes;
}

// Where each symbol stands alone as an input's dimension, first place first.
struct Place {
  size_t input;
  size_t axis;
};
std::vector<std::pair<std::string, Place>> lone_symbols(const Program& program) {
  std::vector<std::pair<std::string, Place>> out;
  std::set<std::string> seen;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const Shape& shape = shape_of(program, i);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (!shape[axis].is_symbol()) continue;
      std::string symbol = shape[axis].symbol_name();
      if (seen.insert(symbol).second) out.push_back({symbol, {i, axis}});
    }
  }
  return out;
}

std::set<std::string> all_input_symbols(const Program& program) {
  std::set<std::string> out;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    for (const Expr& size : shape_of(program, i)) {
      for (const std::string& symbol : size.symbols()) out.insert(symbol);
    }
  }
  return out;
}

// --static: every symbol gets a size.
Status make_static(Program& program, const std::map<std::string, int64_t>& sizes) {
  std::map<std::string, Expr> values;
  for (const auto& [symbol, size] : sizes) values.emplace(symbol, Expr(size));
  for (const auto& [symbol, place] : lone_symbols(program)) {
    if (values.contains(symbol) || place.axis != 0) continue;
    auto range = program.ranges.find(symbol);
    int64_t least = range == program.ranges.end() || range->second.min <= 2 ? 1 : range->second.min;
    values.emplace(symbol, Expr(least));
  }
  for (const std::string& symbol : all_input_symbols(program)) {
    if (values.contains(symbol)) continue;
    return Error{fmt::format("a static export needs a size for `{}`: give the whole shape with "
                             "--input-shape",
                             symbol),
                 ""};
  }
  substitute(program, values);
  return {};
}

// A symbol's name when none was asked for: what the axis usually is, else torch's own name.
std::string default_name(const Program& program, const std::string& symbol, Place place) {
  bool torch_made =
      symbol.size() > 1 && symbol[0] == 's' &&
      std::all_of(symbol.begin() + 1, symbol.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (place.axis == 0) return kBatch;
  if (!torch_made) return symbol;
  size_t rank = shape_of(program, place.input).size();
  if (rank == 4 && place.axis == 2) return "height";
  if (rank == 4 && place.axis == 3) return "width";
  if (rank <= 3 && place.axis == 1) return "sequence_length";
  return symbol;
}

// Letters, digits and _, not a digit first: what an expression can be built from.
bool is_dimension_name(const std::string& name) {
  auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; };
  auto inner = [&](char c) { return letter(c) || std::isdigit(static_cast<unsigned char>(c)); };
  return !name.empty() && letter(name[0]) && std::all_of(name.begin(), name.end(), inner);
}

class Naming {
 public:
  // `asked` is what the inputs are asked, in their order; `listed`: no axes but those are dynamic.
  Naming(Program& program, const std::vector<std::string>& names,
         const std::vector<InputSpec>& asked, bool listed,
         const std::map<std::string, int64_t>& sizes)
      : program_(program), names_(names), asked_(asked), listed_(listed), sizes_(sizes) {}

  Result<Shaped> run() {
    TRY(read_request());
    for (const auto& [symbol, place] : lone_symbols(program_)) {
      if (renamed_.contains(symbol) || fixed_as_unlisted(symbol, place)) continue;
      take(symbol, default_name(program_, symbol, place), place);
    }
    substitute(program_, renamed_);
    TRY(want_batch());
    return std::move(shaped_);
  }

 private:
  Status read_request() {
    // By name: of two for one size the last counts.
    std::map<std::string, size_t> inputs;
    for (size_t i = 0; i < names_.size(); ++i) inputs.emplace(names_[i], i);
    for (const auto& [name, input] : inputs) {
      for (const auto& [axis, wanted] : asked_[input].axes.value_or(Axes())) {
        TRY(request(input, axis, wanted));
      }
    }
    return {};
  }

  Status request(size_t input, int axis, const std::string& wanted) {
    const Shape& shape = shape_of(program_, input);
    int rank = static_cast<int>(shape.size());
    std::string place = fmt::format("--dynamic-axes: input `{}` axis {}", names_[input], axis);
    if (axis < -rank || axis >= rank) {
      return Error{"the input has " + std::to_string(rank) + " dimensions", place};
    }
    size_t at = static_cast<size_t>(axis < 0 ? axis + rank : axis);
    if (!is_dimension_name(wanted)) {
      return Error{"`" + wanted + "` is not a name for a dimension: use letters, digits and _",
                   place};
    }
    const Expr& size = shape[at];
    if (size.is_symbol()) {
      renamed_.insert_or_assign(size.symbol_name(), Expr::symbol(wanted));
      used_.insert(wanted);
      return {};
    }
    if (size.is_const() && at == 0) {
      asked_batch_ = wanted;
      return {};
    }
    if (!size.is_const()) {
      shaped_.notes.push_back(
          fmt::format("{} is {}, a size that follows from another: it stays "
                      "dynamic under that name",
                      place, size.str()));
      return {};
    }
    return Error{fmt::format("the file has the fixed size {} here; export the .pt2 again with "
                             "dynamic_shapes={{\"{}\": {{{}: torch.export.Dim.AUTO}}}}",
                             size.str(), program_.inputs[input].name, at),
                 place};
  }

  // Where --dynamic-axes lists the dynamic axes, the others take the size of --input-shape.
  bool fixed_as_unlisted(const std::string& symbol, Place place) {
    if (!listed_) return false;
    auto size = sizes_.find(symbol);
    if (size != sizes_.end()) {
      renamed_.emplace(symbol, Expr(size->second));
      return true;
    }
    shaped_.notes.push_back(fmt::format(
        "input `{}` axis {} stays dynamic, as in the file, though --dynamic-axes does not list it; "
        "--input-shape would fix its size",
        names_[place.input], place.axis));
    return false;
  }

  // `symbol` becomes `wanted`, or a name after it when another symbol has that.
  void take(const std::string& symbol, std::string wanted, Place place) {
    std::string name = wanted;
    if (used_.contains(name)) name = wanted + "_" + names_[place.input];
    for (int i = 1; used_.contains(name); ++i) name = wanted + "_" + std::to_string(i);
    used_.insert(name);
    if (name != symbol) renamed_.emplace(symbol, Expr::symbol(name));
  }

  // A batch that the source fixed, where a dynamic one is asked for or the default.
  Status want_batch() {
    if (listed_ && !asked_batch_) return {};
    int64_t batch = 0;
    for (size_t i = 0; i < program_.inputs.size(); ++i) {
      const Shape& shape = shape_of(program_, i);
      auto size = shape.empty() ? std::nullopt : shape[0].as_const();
      bool same = size && (batch == 0 || batch == *size);
      if (!same) batch = -1;
      if (batch == -1) break;
      batch = *size;
    }
    if (asked_batch_ && batch <= 0) {
      return Error{
          "axis 0 is fixed in the file, and not to the same size in every input; export the "
          ".pt2 again with dynamic_shapes",
          "--dynamic-axes"};
    }
    if (batch > 0) shaped_.fixed_batch = batch;
    shaped_.batch_name = asked_batch_.value_or(kBatch);
    shaped_.batch_was_asked = asked_batch_.has_value();
    return {};
  }

  Program& program_;
  const std::vector<std::string>& names_;
  const std::vector<InputSpec>& asked_;
  bool listed_;
  const std::map<std::string, int64_t>& sizes_;
  std::map<std::string, Expr> renamed_;
  std::set<std::string> used_;
  std::optional<std::string> asked_batch_;
  Shaped shaped_;
};

void substitute_in(aten::Arg& arg, const std::map<std::string, Expr>& values) {
  if (auto* expr = std::get_if<Expr>(&arg.v)) {
    *expr = expr->substitute(values);
  } else if (auto* list = std::get_if<aten::ArgList>(&arg.v)) {
    for (aten::Arg& item : *list) substitute_in(item, values);
  }
}

}  // namespace

void substitute(Program& program, const std::map<std::string, Expr>& values) {
  if (values.empty()) return;
  for (aten::Value& value : program.values) {
    if (value.shape) {
      for (Expr& size : *value.shape) size = size.substitute(values);
    }
    if (value.scalar) value.scalar = value.scalar->substitute(values);
  }
  for (aten::Node& node : program.nodes) {
    aten::for_each_arg(node, [&](aten::Arg& arg) { substitute_in(arg, values); });
  }
  std::map<std::string, Range> ranges;
  for (const auto& [symbol, range] : program.ranges) {
    auto to = values.find(symbol);
    if (to == values.end()) {
      ranges.emplace(symbol, range);
    } else if (to->second.is_symbol()) {
      ranges.insert_or_assign(to->second.symbol_name(), range);
    }
  }
  program.ranges = std::move(ranges);
}

Result<libtorch::ScriptOptions> script_options(const ExportConfig& config) {
  libtorch::ScriptOptions options;
  options.static_shapes = config.static_shapes;
  if (options::has_axes(config.inputs)) options.dynamic_axes.emplace();
  bool gap = false;
  for (const InputSpec& spec : config.inputs) {
    if (!spec.name.empty()) {
      if (spec.sizes) options.named_sizes[spec.name] = *spec.sizes;
      if (spec.axes) (*options.dynamic_axes)[spec.name] = *spec.axes;
      if (spec.value) options.values[spec.name] = *spec.value;
      if (!spec.type.empty()) options.dtypes[spec.name] = *options::type_named(spec.type);
      continue;
    }
    if (!spec.axes.value_or(Axes()).empty() || !spec.type.empty() || (spec.sizes && gap)) {
      return Error{
          "axes and element types of a TorchScript file's input need its name, and so do sizes "
          "where an input before it has none",
          "inputs"};
    }
    gap = gap || !spec.sizes;
    if (spec.sizes) options.sizes.push_back(*spec.sizes);
  }
  return options;
}

Result<std::vector<std::string>> input_names(const Program& program, const ExportConfig& config) {
  std::vector<std::string> names = options::new_names(config.inputs);
  if (!names.empty()) {
    auto fits = lower::check_names(names, program.inputs.size(), "input");
    if (!fits.ok()) return std::move(fits).error().at("--input-names");
  } else if (program.inputs.size() == 1) {
    names.emplace_back("input");
  } else {
    names = own_names(program);
  }
  const std::vector<std::string> before = names;
  for (const InputSpec& spec : config.inputs) {
    if (spec.name.empty() || spec.new_name.empty()) continue;
    size_t at = 0;
    while (at < before.size() && before[at] != spec.name && program.inputs[at].name != spec.name) {
      ++at;
    }
    if (at == before.size()) {
      return Error{fmt::format("the model has no input `{}`; its inputs are: {}", spec.name,
                               fmt::join(before, ", ")),
                   "--input-names"};
    }
    names[at] = spec.new_name;
  }
  return names;
}

Result<std::vector<std::optional<verify::ValueRange>>> drawn_ranges(const Program& program,
                                                                    const ExportConfig& config) {
  TRY_ASSIGN(auto names, input_names(program, config));
  TRY_ASSIGN(auto asked, options::for_inputs(config.inputs, names, own_names(program)));
  std::vector<std::optional<verify::ValueRange>> ranges(asked.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!asked[i].range) continue;
    ranges[i] = {asked[i].range->low, asked[i].range->high};
    Status fits = verify::check_range(program.value(program.inputs[i].value).dtype, *ranges[i]);
    if (!fits.ok()) return std::move(fits).error().at("--input-range " + names[i]);
  }
  return ranges;
}

Result<Shaped> apply(Program& program, const ExportConfig& config) {
  TRY_ASSIGN(auto names, input_names(program, config));
  TRY_ASSIGN(auto asked, options::for_inputs(config.inputs, names, own_names(program)));
  Sizes given;
  for (InputSpec& spec : asked) given.push_back(spec.sizes.value_or(std::vector<int64_t>()));
  TRY(check_shapes(program, names, given, config.static_shapes));
  TRY_ASSIGN(auto sizes, given_symbols(program, given));
  Shaped shaped;
  if (config.static_shapes) {
    TRY(make_static(program, sizes));
  } else {
    const bool listed = options::has_axes(config.inputs);
    TRY_ASSIGN(shaped, Naming(program, names, asked, listed, sizes).run());
  }
  const bool renamed = std::any_of(config.inputs.begin(), config.inputs.end(),
                                   [](const InputSpec& spec) { return !spec.new_name.empty(); });
  if (renamed) shaped.input_names = std::move(names);
  return shaped;
}

}  // namespace onnxport::shapes
