// Sizes: symbols, what they are in each shape sample, and the formula of a number that is known in
// every sample.
//
// The samples give a dynamic size different values, so a formula with one symbol that holds in all
// of them is the right one unless the code conspires: `a*s + c` is determined by two samples and
// tested by the others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/expr.h"

namespace onnxport::torchscript {

// The code is run with so many sizes at once for each dynamic one.
constexpr size_t kSamples = 4;
using Ints = std::vector<int64_t>;

// Names of values ("conv2d", "conv2d_1") and numbers of symbols ("s0"), which count together.
class Names {
 public:
  std::string unique(const std::string& stem);
  int next(const std::string& prefix) { return counts_[prefix]++; }

 private:
  std::unordered_map<std::string, int> counts_;
  std::unordered_set<std::string> taken_;
};

class Sizes {
 public:
  explicit Sizes(Names& names) : names_(names), symbols_(kSamples) {}

  void add_symbol(const std::string& name, const Ints& values);
  // A new symbol for a size that nothing is known of but what it is in each sample.
  Expr new_size(const Ints& values) { return fresh(values, "s"); }
  // For one that only the data tells: the samples' values are mere examples.
  Expr new_data_size() { return new_data_size(data_size_examples()); }
  Expr new_data_size(const Ints& values);
  // For a number that the data holds; `least`: the smallest example.
  Expr new_data_number(int64_t least);
  bool depends_on_data(const Expr& expr) const;

  // What the expression is in each sample. Throws a Refusal where a symbol has no value.
  Ints values_of(const Expr& expr) const;
  std::optional<int64_t> value_in(size_t sample, const Expr& expr) const;
  bool holds(const Expr& expr, const Ints& values) const;
  // A formula that gives these values: a constant, a*s + c, a*s // d, a*s*t.
  std::optional<Expr> fit(const Ints& values) const;

 private:
  Expr fresh(const Ints& values, const char* prefix);
  Ints data_size_examples();
  std::optional<Expr> fit_one(const std::string& name, const Ints& values,
                              std::optional<Expr>& step) const;

  Names& names_;
  std::vector<std::map<std::string, int64_t>> symbols_;  // by sample
  std::unordered_set<std::string> data_symbols_;
  int64_t examples_ = 0;  // that were given out
};

bool all_equal(const Ints& values);

}  // namespace onnxport::torchscript
