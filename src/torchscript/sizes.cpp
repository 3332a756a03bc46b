#include "torchscript/sizes.h"

#include <algorithm>

#include "torchscript/refusal.h"

namespace onnxport::torchscript {

std::string Names::unique(const std::string& stem) {
  int& n = counts_[stem];
  std::string name;
  do {
    name = n == 0 ? stem : stem + "_" + std::to_string(n);
    ++n;
  } while (!taken_.insert(name).second);
  return name;
}

bool all_equal(const Ints& values) {
  return std::all_of(values.begin(), values.end(), [&](int64_t x) { return x == values[0]; });
}

void Sizes::add_symbol(const std::string& name, const Ints& values) {
  for (size_t s = 0; s < kSamples; ++s) symbols_[s][name] = values[s];
}

Expr Sizes::fresh(const Ints& values, const char* prefix) {
  std::string name;
  do name = prefix + std::to_string(names_.next(prefix));
  while (symbols_[0].contains(name));
  add_symbol(name, values);
  return Expr::symbol(name);
}

Expr Sizes::new_data_size(const Ints& values) {
  Expr out = fresh(values, "n");
  data_symbols_.insert(out.symbol_name());
  return out;
}

// Small, so that they do as an index; they differ between samples, so that no size that follows
// from them looks constant.
Expr Sizes::new_data_number(int64_t least) {
  static constexpr int64_t kPatterns[3][kSamples] = {{0, 1, 0, 1}, {0, 0, 1, 1}, {1, 0, 0, 1}};
  Ints values;
  for (int64_t step : kPatterns[examples_ % 3]) values.push_back(least + step);
  ++examples_;
  Expr out = fresh(values, "u");
  data_symbols_.insert(out.symbol_name());
  return out;
}

// No two alike, and like no other; small ones and large ones, so that min(n, 100) is neither n nor
// 100.
Ints Sizes::data_size_examples() {
  Ints out;
  for (size_t s = 0; s < kSamples; ++s) {
    const bool small = s % 2 == 0;
    const int64_t turn = s == 0 ? examples_ : examples_ / 5;
    out.push_back(small ? 3 + turn % 5 : (s == 1 ? 5003 : 9001) + 30 * examples_);
  }
  ++examples_;
  return out;
}

bool Sizes::depends_on_data(const Expr& expr) const {
  if (expr.is_const()) return false;
  const std::vector<std::string> symbols = expr.symbols();
  return std::any_of(symbols.begin(), symbols.end(),
                     [&](const std::string& symbol) { return data_symbols_.contains(symbol); });
}

std::optional<int64_t> Sizes::value_in(size_t sample, const Expr& expr) const {
  return expr.eval(symbols_[sample]);
}

Ints Sizes::values_of(const Expr& expr) const {
  Ints out;
  for (size_t s = 0; s < kSamples; ++s) {
    auto v = value_in(s, expr);
    if (!v) throw Refusal("the size " + expr.str() + " has no value");
    out.push_back(*v);
  }
  return out;
}

bool Sizes::holds(const Expr& expr, const Ints& values) const {
  for (size_t s = 0; s < kSamples; ++s) {
    auto v = value_in(s, expr);
    if (!v || *v != values[s]) return false;
  }
  return true;
}

// A line in this symbol; else, in `step`, floor(a*s/d), as divisions make it.
std::optional<Expr> Sizes::fit_one(const std::string& name, const Ints& values,
                                   std::optional<Expr>& step) const {
  Ints at;
  for (const auto& sample : symbols_) at.push_back(sample.at(name));
  if (all_equal(at)) return std::nullopt;
  size_t other = 1;
  while (at[other] == at[0]) ++other;
  const int64_t run = at[other] - at[0];
  const int64_t rise = values[other] - values[0];
  const Expr symbol = Expr::symbol(name);
  if (rise % run == 0) {
    const Expr line = Expr(rise / run) * symbol + Expr(values[0] - rise / run * at[0]);
    if (holds(line, values)) return line;
  }
  for (int64_t d = 2; d <= 64 && !step; d *= 2) {
    for (int64_t a : {int64_t{1}, int64_t{3}, int64_t{5}}) {
      const Expr floor = floordiv(Expr(a) * symbol, Expr(d));
      if (holds(floor, values)) step = floor;
    }
  }
  return std::nullopt;
}

std::optional<Expr> Sizes::fit(const Ints& values) const {
  if (all_equal(values)) return Expr(values[0]);
  std::optional<Expr> step;
  for (const auto& [name, first] : symbols_[0]) {
    if (auto line = fit_one(name, values, step)) return line;
  }
  if (step) return step;
  // a*s*t: what flattening makes.
  for (const auto& [a, va] : symbols_[0]) {
    for (const auto& [b, vb] : symbols_[0]) {
      if (b < a || va == 0 || vb == 0 || values[0] % (va * vb) != 0) continue;
      const Expr both = Expr(values[0] / (va * vb)) * Expr::symbol(a) * Expr::symbol(b);
      if (holds(both, values)) return both;
    }
  }
  return std::nullopt;
}

}  // namespace onnxport::torchscript
