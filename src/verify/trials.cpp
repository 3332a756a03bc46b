#include "verify/trials.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "verify/compare.h"

namespace onnxport::verify {
namespace {

// splitmix64: small, and the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  double uniform() { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; }
  double normal() {
    if (std::exchange(has_spare_, false)) return spare_;
    const double r = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_ = r * std::sin(angle);
    has_spare_ = true;
    return r * std::cos(angle);
  }

 private:
  uint64_t state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

// --- sizes
// -----------------------------------------------------------------------------------------

struct SizePlan {
  int64_t batch, picture, length, channels;
  int64_t state = 0;  // axis 1 of three: a length, if not set
};
constexpr std::array<SizePlan, kSizePlans> kPlans = {{{1, 32, 8, 3},
                                                      {2, 64, 13, 3},
                                                      {3, 224, 16, 3},
                                                      {1, 32, 1, 1},
                                                      {4, 4, 4, 4},
                                                      {1, 256, 77, 3},
                                                      {1, 1, 1, 1},
                                                      {1, 640, 512, 3, 1},
                                                      {1, 512, 384, 3},
                                                      {2, 112, 576, 1, 2}}};

int64_t size_for(size_t axis, size_t rank, const SizePlan& plan) {
  if (axis == 0) return plan.batch;
  if (rank >= 4 && axis >= 2) return plan.picture;
  if (rank >= 4 && axis == 1) return plan.channels;
  return rank == 3 && axis == 1 && plan.state > 0 ? plan.state : plan.length;
}

// The size of every symbol: what the first dimension where it stands alone suggests.
std::map<std::string, int64_t> sizes_of(const std::vector<TrialInput>& inputs,
                                        const SizePlan& plan) {
  std::map<std::string, int64_t> sizes;
  for (const bool alone : {true, false}) {
    for (const TrialInput& input : inputs) {
      if (!input.shape) continue;
      for (size_t axis = 0; axis < input.shape->size(); ++axis) {
        const Expr& dim = (*input.shape)[axis];
        if (dim.is_symbol() != alone) continue;
        for (const std::string& symbol : dim.symbols()) {
          sizes.emplace(symbol, size_for(axis, input.shape->size(), plan));
        }
      }
    }
  }
  return sizes;
}

Result<std::vector<int64_t>> dims_of(const TrialInput& input, int plan,
                                     const std::map<std::string, int64_t>& sizes) {
  std::vector<int64_t> dims;
  if (!input.shape) {  // of unknown rank: one plan after the other tries another
    constexpr std::array<int, kSizePlans> kRanks = {2, 4, 3, 1, 2, 4, 0, 4, 3, 1};
    const auto at = static_cast<size_t>(plan);
    const auto rank = static_cast<size_t>(kRanks[at]);
    for (size_t axis = 0; axis < rank; ++axis) dims.push_back(size_for(axis, rank, kPlans[at]));
    return dims;
  }
  for (const Expr& dim : *input.shape) {
    const std::optional<int64_t> size = dim.eval(sizes);
    if (!size || *size < 0) return Error{"the size " + dim.str() + " has no value", ""};
    dims.push_back(*size);
  }
  return dims;
}

// --- values
// ----------------------------------------------------------------------------------------

double float_value(Kind kind, Random& random) {
  constexpr std::array<double, 8> kMixed = {1, -1, 0.5, -1e-6, 30, -88, 1e-3, -300};
  constexpr std::array<double, 8> kLarge = {1e4, -1e4, 3e3, -65, 1e-20, -1e-7, 128, -2e3};
  switch (kind) {
    case Kind::kZeros:
      return 0;
    case Kind::kRandom:
      return random.normal();
    case Kind::kMixed: {
      const uint64_t pick = random.bits() % 16;
      if (pick < 8) return 0;
      return pick < 14 ? random.normal() : kMixed[random.bits() % kMixed.size()];
    }
    case Kind::kLarge:
      return kLarge[random.bits() % kLarge.size()] * (0.5 + random.uniform() / 2);
  }
  return 0;
}

int64_t int_value(const TrialInput& input, const Trial& trial, bool first, Random& random) {
  const bool narrow = byte_size(input.dtype) == 1;  // quantized, or a picture
  const bool is_signed = input.dtype == DType::kInt8;
  if (trial.kind == Kind::kZeros) return 0;
  if (narrow && trial.style == 0) {
    const auto byte = static_cast<int64_t>(random.bits() % 256);
    return is_signed ? byte - 128 : byte;
  }
  const bool mask = input.name.find("mask") != std::string::npos;
  // Speech models take two sampling rates and no other number.
  if (input.name == "sr" || input.name.find("_rate") != std::string::npos) {
    return trial.style % 2 == 0 ? 16000 : 8000;
  }
  switch (trial.style) {
    case 0:
      if (mask) return first ? 1 : static_cast<int64_t>(random.bits() % 2);
      return static_cast<int64_t>(random.bits() % 10);
    case 1:
      return first ? 1 : static_cast<int64_t>(random.bits() % 2);
    case 2:
      return 1;
    case 3:
      return 0;
    default: {
      const bool negative = input.dtype == DType::kInt8 || input.dtype == DType::kInt16 ||
                            input.dtype == DType::kInt32 || input.dtype == DType::kInt64;
      const auto x = static_cast<int64_t>(random.bits() % 7);
      return negative ? x - 3 : x;
    }
  }
}

std::string string_value(const Trial& trial, Random& random) {
  static const std::array<const char*, 6> kWords = {"a", "hello", "", "B 2", "cat", "x-y"};
  if (trial.kind == Kind::kZeros) return trial.style == 0 ? "" : "0";
  if (trial.style != 0) return std::to_string(random.bits() % 10);
  return kWords[random.bits() % kWords.size()];
}

template <typename T, typename Next>
Tensor fill(DType dtype, const std::vector<int64_t>& dims, size_t count, Next next) {
  std::vector<T> values(count);
  for (T& x : values) x = static_cast<T>(next());
  return Tensor::of(dtype, dims, values);
}

constexpr size_t kMaxElements = size_t{1} << 28;

Result<Tensor> make_tensor(const TrialInput& input, const std::vector<int64_t>& dims,
                           const Trial& trial, Random& random) {
  if (input.dtype == DType::kUndefined) {
    return Error{"it is not a tensor, and nothing else is made up for a comparison", ""};
  }
  size_t count = 1;
  for (const int64_t d : dims) {
    if (__builtin_mul_overflow(count, static_cast<size_t>(d), &count) || count > kMaxElements) {
      return Error{"it is too large to be made up", ""};
    }
  }
  auto number = [&] { return float_value(trial.kind, random); };
  bool first = true;
  auto integer = [&] { return int_value(input, trial, std::exchange(first, false), random); };
  switch (input.dtype) {
    case DType::kFloat:
      return fill<float>(input.dtype, dims, count, number);
    case DType::kDouble:
      return fill<double>(input.dtype, dims, count, number);
    case DType::kFloat16:
      return fill<uint16_t>(input.dtype, dims, count,
                            [&] { return float_to_half(static_cast<float>(number())); });
    case DType::kBFloat16:
      return fill<uint16_t>(input.dtype, dims, count,
                            [&] { return float_to_bfloat16(static_cast<float>(number())); });
    case DType::kComplex64:
      return Tensor::owned(input.dtype, dims,
                           fill<float>(DType::kFloat, {}, 2 * count, number).bytes());
    case DType::kComplex128:
      return Tensor::owned(input.dtype, dims,
                           fill<double>(DType::kDouble, {}, 2 * count, number).bytes());
    case DType::kInt64:
    case DType::kUint64:
      return fill<int64_t>(input.dtype, dims, count, integer);
    case DType::kInt32:
    case DType::kUint32:
      return fill<int32_t>(input.dtype, dims, count, integer);
    case DType::kInt16:
    case DType::kUint16:
      return fill<int16_t>(input.dtype, dims, count, integer);
    case DType::kInt8:
    case DType::kUint8:
      return fill<int8_t>(input.dtype, dims, count, integer);
    case DType::kBool:
      return fill<uint8_t>(input.dtype, dims, count, [&] {
        if (trial.kind == Kind::kZeros) return uint64_t{0};
        return trial.kind == Kind::kLarge ? uint64_t{1} : random.bits() % 2;
      });
    case DType::kString: {
      Tensor t;
      t.dtype = DType::kString;
      t.dims = dims;
      for (size_t i = 0; i < count; ++i) t.strings.push_back(string_value(trial, random));
      return t;
    }
    default: {  // float8 and the types of less than a byte: any bits are a value
      TRY_ASSIGN(const size_t bytes, checked_nbytes(input.dtype, dims));
      if (bit_size(input.dtype) == 0) return Error{"no values are made up for its type", ""};
      std::vector<std::byte> content(bytes);
      // 0x3f: no NaN among the float8 types
      for (std::byte& b : content) {
        b = static_cast<std::byte>(trial.kind == Kind::kZeros ? 0 : random.bits() & 0x3f);
      }
      return Tensor::owned(input.dtype, dims, std::move(content));
    }
  }
}

template <typename T>
Tensor shaken(const Tensor& t, Random& random) {
  std::vector<T> values = t.values<T>();
  for (T& x : values) {
    const double by = random.uniform() - 0.5;
    x = static_cast<T>(x * (1 + by * 0x1p-19) + by * 1e-7);
  }
  return Tensor::of(t.dtype, t.dims, values);
}

// The last bit of a 16-bit float, where it is finite.
Tensor shaken_half(const Tensor& t, uint16_t exponent, Random& random) {
  std::vector<uint16_t> values = t.values<uint16_t>();
  for (uint16_t& x : values) {
    if ((x & exponent) != exponent) x ^= static_cast<uint16_t>(random.bits() & 1);
  }
  return Tensor::of(t.dtype, t.dims, values);
}

}  // namespace

std::vector<TrialInput> trial_inputs(const onnx::Model& model) {
  std::vector<TrialInput> inputs;
  for (const onnx::Value* v : model.graph->inputs) {
    if (v->initializer) continue;
    inputs.push_back({v->name, v->type_proto.empty() ? v->dtype : DType::kUndefined, v->shape});
  }
  return inputs;
}

const char* text_of(Kind kind) {
  switch (kind) {
    case Kind::kRandom:
      return "random";
    case Kind::kMixed:
      return "mixed";
    case Kind::kZeros:
      return "zeros";
    case Kind::kLarge:
      return "large";
  }
  return "";
}

bool has_dynamic_sizes(const std::vector<TrialInput>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [](const TrialInput& input) {
    return !input.shape || std::any_of(input.shape->begin(), input.shape->end(),
                                       [](const Expr& d) { return !d.is_const(); });
  });
}

bool has_styles(const std::vector<TrialInput>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [](const TrialInput& input) {
    return is_integer(input.dtype) || input.dtype == DType::kString;
  });
}

Result<std::vector<Tensor>> make_inputs(const std::vector<TrialInput>& inputs, const Trial& trial) {
  const std::map<std::string, int64_t> sizes =
      sizes_of(inputs, kPlans[static_cast<size_t>(trial.sizes)]);
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string where = "input `" + inputs[i].name + "`";
    auto dims = dims_of(inputs[i], trial.sizes, sizes);
    if (!dims.ok()) return std::move(dims).error().at(where);
    Random random(static_cast<uint64_t>(trial.seed) * 1'000'003 + i);
    auto tensor = make_tensor(inputs[i], *dims, trial, random);
    if (!tensor.ok()) return std::move(tensor).error().at(where);
    tensors.push_back(std::move(tensor).value());
  }
  return tensors;
}

std::vector<Tensor> perturbed(const std::vector<Tensor>& inputs, int seed) {
  std::vector<Tensor> out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Random random(static_cast<uint64_t>(seed) * 7'368'787 + i);
    const Tensor& t = inputs[i];
    if (t.dtype == DType::kFloat) {
      out.push_back(shaken<float>(t, random));
    } else if (t.dtype == DType::kDouble) {
      out.push_back(shaken<double>(t, random));
    } else if (t.dtype == DType::kFloat16 || t.dtype == DType::kBFloat16) {
      out.push_back(shaken_half(t, t.dtype == DType::kFloat16 ? 0x7c00 : 0x7f80, random));
    } else {
      out.push_back(t);
    }
  }
  return out;
}

std::string sizes_text(const std::vector<Tensor>& inputs) {
  std::string text;
  for (const Tensor& t : inputs) text += (text.empty() ? "" : ", ") + type_text(t);
  return text.empty() ? "no inputs" : text;
}

}  // namespace onnxport::verify
