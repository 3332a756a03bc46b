#include "export/distance.h"

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

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string shortened = word.substr(0, 64);  // a key from a file can be of any length
  // A part of a known word ("opset" for "opset_version") is nearer than any misspelling.
  auto cost = [&](const std::string& candidate) {
    bool part = !shortened.empty() && candidate.find(shortened) != std::string::npos;
    return part ? 0 : distance(shortened, candidate);
  };
  return *std::min_element(known.begin(), known.end(),
                           [&](const auto& a, const auto& b) { return cost(a) < cost(b); });
}

}  // namespace onnxport
