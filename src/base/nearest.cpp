#include "base/nearest.h"

#include <algorithm>
#include <numeric>

namespace onnxport {
namespace {

size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

// A part of a known word ("opset" for "opset_version") is nearer than any misspelling.
size_t cost(const std::string& word, const std::string& candidate) {
  const std::string shortened = word.substr(0, 64);  // a key from a file can be of any length
  const bool part = !shortened.empty() && candidate.find(shortened) != std::string::npos;
  return part ? 0 : distance(shortened, candidate);
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  return *std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return cost(word, a) < cost(word, b);
  });
}

std::vector<std::string> near(const std::string& word, const std::vector<std::string>& known) {
  constexpr size_t kMost = 4;
  std::vector<std::string> sorted = known;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto& a, const auto& b) { return cost(word, a) < cost(word, b); });
  // Where more than half of the letters differ, nothing is near.
  const size_t best = sorted.empty() ? 0 : cost(word, sorted.front());
  if (best > word.size() / 2) return {};
  std::vector<std::string> few;
  for (const std::string& candidate : sorted) {
    if (few.size() < kMost && cost(word, candidate) <= best + 2) few.push_back(candidate);
  }
  return few;
}

}  // namespace onnxport
