// How two lists of sizes, numbers or expressions, broadcast: as in NumPy, aligned at their last
// axis.
#pragma once

#include <optional>
#include <vector>

namespace onnxport {

// `join` gives the size of an axis that both have, its own of the longer list first (of two equally
// long ones: of `a`), or nullopt where the two can never go together; then nothing does.
template <typename Size, typename Join>
std::optional<std::vector<Size>> broadcast_with(const std::vector<Size>& a,
                                                const std::vector<Size>& b, Join join) {
  const std::vector<Size>& longer = a.size() >= b.size() ? a : b;
  const std::vector<Size>& shorter = a.size() >= b.size() ? b : a;
  std::vector<Size> both = longer;
  const size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    std::optional<Size> size = join(longer[lead + i], shorter[i]);
    if (!size) return std::nullopt;
    both[lead + i] = *std::move(size);
  }
  return both;
}

}  // namespace onnxport
