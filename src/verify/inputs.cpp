#include "verify/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "base/expr_solve.h"

namespace onnxport::verify {
namespace {

using aten::Program;

const Shape& shape_of(const Program& program, size_t input) {
  static const Shape kNone;
  const auto& shape = program.value(program.inputs[input].value).shape;
  return shape ? *shape : kNone;
}

struct Where {  // of a symbol: the first input dimension that it appears in
  size_t input;
  size_t axis;
};

std::map<std::string, Where> symbols_of_inputs(const Program& program) {
  std::map<std::string, Where> found;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const Shape& shape = shape_of(program, i);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      for (const std::string& symbol : shape[axis].symbols())
        found.try_emplace(symbol, Where{i, axis});
    }
  }
  return found;
}

// Symbols whose dimension the file has fixed.
Sizes fixed_by_file(const Program& program, const std::vector<Port>& ports) {
  Sizes fixed;
  for (size_t i = 0; i < std::min(ports.size(), program.inputs.size()); ++i) {
    const Shape& shape = shape_of(program, i);
    if (shape.size() != ports[i].dims.size()) continue;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      int64_t size = ports[i].dims[axis];
      auto symbols = shape[axis].symbols();
      if (size < 0 || symbols.size() != 1) continue;
      if (auto x = solve(shape[axis], symbols[0], size)) fixed.try_emplace(symbols[0], *x);
    }
  }
  return fixed;
}

Range range_of(const Program& program, const std::string& symbol) {
  auto found = program.ranges.find(symbol);
  return found == program.ranges.end() ? Range{} : found->second;
}

// PyTorch records 2 as the least size where it did not look at 0 and 1: 1 is worth a try.
bool in_range(const Range& range, int64_t x) {
  int64_t least = range.min <= 2 ? 1 : range.min;
  return x >= least && x <= range.max;
}

std::vector<int64_t> batch_sizes(const Range& range, const std::vector<int64_t>& asked) {
  std::vector<int64_t> out;
  for (int64_t x : asked) {
    if (in_range(range, x)) out.push_back(x);
  }
  for (int64_t step : {0, 1, 4}) {
    if (out.empty() || (step > 0 && out.size() < 2)) {
      int64_t least = std::max<int64_t>(range.min, 1);
      if (range.max - least >= step) out.push_back(least + step);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Sizes worth trying for a dimension that is no batch: the user's example first, then for pictures
// multiples of 32, else lengths.
std::vector<int64_t> example_sizes(const Program& program, const std::string& symbol, Where where) {
  const Shape& shape = shape_of(program, where.input);
  Range range = range_of(program, symbol);
  const bool alone = shape.size() == 3 && (shape[0].is_const(1) || shape[0].is_const(3));
  const bool picture = (shape.size() >= 4 && where.axis >= 2) || (alone && where.axis >= 1);
  std::vector<int64_t> wanted = picture ? std::vector<int64_t>{224, 256, 192, 288, 128, 64, 384, 32}
                                        : std::vector<int64_t>{16, 11, 32, 8, 64, 128, 4};
  std::vector<int64_t> out;
  auto add = [&](int64_t x) {
    if (in_range(range, x) && std::find(out.begin(), out.end(), x) == out.end()) out.push_back(x);
  };
  if (auto example = program.examples.find(symbol); example != program.examples.end()) {
    add(example->second);
  }
  for (int64_t size : wanted) {
    if (shape[where.axis].symbols().size() != 1) {
      add(size);
    } else if (auto x = solve(shape[where.axis], symbol, size)) {
      add(*x);
    }
  }
  if (out.size() < 2) {
    int64_t least = std::max<int64_t>(range.min, 2);
    for (int64_t x : {least, least + 1, range.max}) {
      if (x <= (int64_t{1} << 12)) add(x);
    }
  }
  return out;
}

template <typename T, typename F>
Tensor generate(DType dtype, const std::vector<int64_t>& dims, size_t count, F next) {
  std::vector<T> values(count);
  for (T& x : values) x = static_cast<T>(next());
  return Tensor::of(dtype, dims, values);
}

// Written out, since std::normal_distribution differs between standard libraries.
class Normal {
 public:
  explicit Normal(std::mt19937_64& bits) : bits_(bits) {}
  double operator()() {
    if (std::exchange(has_spare_, false)) return spare_;
    double u = (static_cast<double>(bits_() >> 11) + 1) * 0x1p-53;
    double v = static_cast<double>(bits_() >> 11) * 0x1p-53;
    double r = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
    spare_ = r * std::sin(angle);
    has_spare_ = true;
    return r * std::cos(angle);
  }

 private:
  std::mt19937_64& bits_;
  double spare_ = 0;
  bool has_spare_ = false;
};

// Floats by real(), integers and bools by whole().
template <typename Real, typename Whole>
Result<Tensor> drawn(DType dtype, const std::vector<int64_t>& dims, Real real, Whole whole) {
  TRY_ASSIGN(size_t bytes, checked_nbytes(dtype, dims));
  const size_t n = byte_size(dtype) == 0 ? 0 : bytes / byte_size(dtype);
  switch (dtype) {
    case DType::kFloat:
      return generate<float>(dtype, dims, n, real);
    case DType::kDouble:
      return generate<double>(dtype, dims, n, real);
    case DType::kFloat16:
      return generate<uint16_t>(dtype, dims, n,
                                [&] { return float_to_half(static_cast<float>(real())); });
    case DType::kBFloat16:
      return generate<uint16_t>(dtype, dims, n,
                                [&] { return float_to_bfloat16(static_cast<float>(real())); });
    case DType::kInt64:
      return generate<int64_t>(dtype, dims, n, whole);
    case DType::kInt32:
      return generate<int32_t>(dtype, dims, n, whole);
    case DType::kInt16:
      return generate<int16_t>(dtype, dims, n, whole);
    case DType::kInt8:
      return generate<int8_t>(dtype, dims, n, whole);
    case DType::kUint8:
    case DType::kBool:
      return generate<uint8_t>(dtype, dims, n, whole);
    default:
      return Error{std::string("no random values are made for dtype ") + onnxport::name(dtype), ""};
  }
}

// Normal floats, digits, bytes and bools. A mask has zeros and ones, and begins with a one.
Result<Tensor> random_tensor(DType dtype, const std::string& name, const std::vector<int64_t>& dims,
                             std::mt19937_64& bits) {
  const bool mask = name.find("mask") != std::string::npos;
  bool first = true;
  const uint64_t bound = dtype == DType::kUint8 ? 256 : dtype == DType::kBool || mask ? 2 : 10;
  return drawn(dtype, dims, Normal(bits),
               [&] { return std::exchange(first, false) && mask ? 1 : bits() % bound; });
}

// The least and the largest value of a type that a double names exactly.
struct Held {
  double low, high;
};
std::optional<Held> held_by(DType dtype) {
  constexpr double kExact = 0x1p53;
  switch (dtype) {
    case DType::kFloat:
      return Held{std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max()};
    case DType::kDouble:
      return Held{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max()};
    case DType::kFloat16:
      return Held{-65504, 65504};
    case DType::kBFloat16:
      return Held{-0x1.fep127, 0x1.fep127};
    case DType::kInt64:
      return Held{-kExact, kExact};
    case DType::kInt32:
      return Held{INT32_MIN, INT32_MAX};
    case DType::kInt16:
      return Held{INT16_MIN, INT16_MAX};
    case DType::kInt8:
      return Held{INT8_MIN, INT8_MAX};
    case DType::kUint8:
      return Held{0, UINT8_MAX};
    case DType::kBool:
      return Held{0, 1};
    default:
      return std::nullopt;
  }
}

Result<Tensor> tensor_in_range(DType dtype, const std::vector<int64_t>& dims,
                               const ValueRange& range, std::mt19937_64& bits) {
  TRY(check_range(dtype, range));
  const auto low = static_cast<int64_t>(is_floating(dtype) ? 0 : range.low);
  const auto count = static_cast<uint64_t>(is_floating(dtype) ? 0 : range.high - range.low) + 1;
  auto real = [&] {
    const double part = static_cast<double>(bits() >> 11) * 0x1p-53;
    return range.low * (1 - part) + range.high * part;  // the difference could overflow
  };
  return drawn(dtype, dims, real, [&] { return low + static_cast<int64_t>(bits() % count); });
}

}  // namespace

Status check_range(DType dtype, const ValueRange& range) {
  const std::optional<Held> held = held_by(dtype);
  if (!held) {
    return Error{std::string("no values are drawn for dtype ") + onnxport::name(dtype), ""};
  }
  if (!(range.low <= range.high)) {
    return Error{
        fmt::format("the range {}..{} has its low end above its high one", range.low, range.high),
        ""};
  }
  for (double end : {range.low, range.high}) {
    if (end < held->low || end > held->high) {
      return Error{fmt::format("the range {}..{} is more than {} holds, {} to {}", range.low,
                               range.high, onnxport::name(dtype), held->low, held->high),
                   ""};
    }
    if (!is_floating(dtype) && end != std::floor(end)) {
      return Error{
          fmt::format("{} is not a whole number, as {} has them", end, onnxport::name(dtype)), ""};
    }
  }
  return {};
}

Result<Plan> plan_sizes(const Program& program, const std::vector<Port>& ports,
                        const Options& options) {
  auto symbols = symbols_of_inputs(program);
  Sizes fixed = fixed_by_file(program, ports);
  std::set<std::string> batches;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const Shape& shape = shape_of(program, i);
    if (!shape.empty() && shape[0].is_symbol()) batches.insert(shape[0].symbol_name());
  }
  if (symbols.contains("batch_size")) batches.insert("batch_size");

  Sizes first = fixed;
  std::map<std::string, std::vector<int64_t>> examples;  // of symbols that are not fixed, no batch
  Range batch_range;
  bool dynamic_batch = false;
  for (const auto& [symbol, where] : symbols) {
    if (fixed.contains(symbol)) continue;
    if (batches.contains(symbol)) {
      Range range = range_of(program, symbol);
      batch_range = {std::max(batch_range.min, range.min), std::min(batch_range.max, range.max)};
      dynamic_batch = true;
      continue;
    }
    examples[symbol] = example_sizes(program, symbol, where);
    if (examples[symbol].empty()) {
      return Error{"no size to try for the dimension " + symbol + " was found",
                   "input `" + program.inputs[where.input].name + "`"};
    }
    first[symbol] = examples[symbol][0];
  }

  Plan plan;
  auto with_batch = [&](Sizes sizes, int64_t batch) {
    for (const std::string& symbol : batches) sizes.try_emplace(symbol, batch);
    return sizes;
  };
  auto sizes_of_batch =
      dynamic_batch ? batch_sizes(batch_range, options.batches) : std::vector<int64_t>{1};
  for (int64_t batch : sizes_of_batch) plan.base.push_back(with_batch(first, batch));
  // Other sizes: all symbols at their i-th example together, then each alone at its second.
  int64_t batch = sizes_of_batch.front();
  for (size_t i = 1; i < 3 && !examples.empty(); ++i) {
    Sizes all = first;
    for (const auto& [symbol, sizes] : examples) all[symbol] = sizes[std::min(i, sizes.size() - 1)];
    plan.further.push_back(with_batch(std::move(all), batch));
  }
  if (examples.size() > 1) {
    for (const auto& [symbol, sizes] : examples) {
      if (sizes.size() < 2) continue;
      Sizes one = first;
      one[symbol] = sizes[1];
      plan.further.push_back(with_batch(std::move(one), batch));
    }
  }
  return plan;
}

Result<std::vector<std::vector<int64_t>>> input_dims(const Program& program, const Sizes& sizes) {
  std::vector<std::vector<int64_t>> out;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    std::vector<int64_t> dims;
    for (const Expr& size : shape_of(program, i)) {
      auto x = size.eval(sizes);
      if (!x || *x < 0) {
        return Error{"the size " + size.str() + " has no value",
                     "input `" + program.inputs[i].name + "`"};
      }
      dims.push_back(*x);
    }
    out.push_back(std::move(dims));
  }
  return out;
}

Result<std::vector<Tensor>> random_inputs(const Program& program,
                                          const std::vector<std::vector<int64_t>>& dims, int seed,
                                          const std::vector<std::optional<ValueRange>>& ranges) {
  std::vector<Tensor> out;
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    std::mt19937_64 bits(static_cast<uint64_t>(seed) * 1'000'003 + i);
    const auto& input = program.inputs[i];
    const DType dtype = program.value(input.value).dtype;
    const auto range = i < ranges.size() ? ranges[i] : std::nullopt;
    auto tensor = range ? tensor_in_range(dtype, dims[i], *range, bits)
                        : random_tensor(dtype, input.name, dims[i], bits);
    if (!tensor.ok()) return std::move(tensor).error().at("input `" + input.name + "`");
    out.push_back(std::move(tensor).value());
  }
  return out;
}

}  // namespace onnxport::verify
