#include "verify/ranking.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string_view>

#include "verify/compare.h"

namespace onnxport::verify {
namespace {

// One output of a group, by rows.
struct Column {
  size_t output;
  std::vector<double> actual, expected;
  size_t width = 1;  // elements of a row
  double allowed = 0;

  bool agrees(size_t row, size_t with) const {  // actual's row, expected's row
    for (size_t k = 0; k < width; ++k) {
      const double a = actual[row * width + k];
      const double b = expected[with * width + k];
      if (a != b && !(std::abs(a - b) <= allowed)) return false;
    }
    return true;
  }
};

bool alike(const Tensor& a, const Tensor& b) { return a.dims == b.dims && a.dtype == b.dtype; }

bool begins_with(const std::vector<int64_t>& dims, const std::vector<int64_t>& prefix) {
  return dims.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), dims.begin());
}

bool descends(const std::vector<double>& scores, size_t length) {
  for (size_t i = 0; i < scores.size(); ++i) {
    if (i % length != 0 && !(scores[i] <= scores[i - 1])) return false;
  }
  return true;
}

bool is_score(const Tensor& t) {
  const bool real = t.dtype == DType::kFloat || t.dtype == DType::kDouble;
  return real && (t.dims.size() == 1 || t.dims.size() == 2) && t.dims.back() >= 2 && t.numel() > 0;
}

// Outputs whose dims begin with the scores', the scores first. Empty: these are no scores.
std::vector<Column> group_of(size_t scores, const std::vector<Tensor>& actual,
                             const std::vector<Tensor>& expected, double tolerance) {
  std::vector<Column> group;
  const std::vector<int64_t>& prefix = expected[scores].dims;
  auto add = [&](size_t i) {
    const Tensor& e = expected[i];
    Column column{i, actual[i].as_doubles(), e.as_doubles()};
    column.width = static_cast<size_t>(e.numel() / expected[scores].numel());
    double scale = 0;
    for (double x : column.expected)
      scale = std::isfinite(x) ? std::max(scale, std::abs(x)) : scale;
    column.allowed = is_floating(e.dtype) ? tolerance * std::max(1.0, scale) : 0;
    group.push_back(std::move(column));
  };
  add(scores);
  const auto length = static_cast<size_t>(prefix.back());
  if (!descends(group[0].expected, length) || !descends(group[0].actual, length)) return {};
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool same = alike(actual[i], expected[i]);
    if (i != scores && same && begins_with(expected[i].dims, prefix)) add(i);
  }
  return group;
}

// For each place of `expected` the row of `actual` that belongs there; empty when there is none for
// some place. Only places whose scores are nearly equal are tried, the nearest first.
std::vector<size_t> order_of(const std::vector<Column>& group, size_t length, Reordered& out) {
  const Column& scores = group[0];
  const size_t rows = scores.expected.size();
  std::vector<size_t> order(rows);
  std::vector<bool> taken(rows);
  auto fits = [&](size_t row, size_t place) {
    return !taken[row] && std::all_of(group.begin(), group.end(),
                                      [&](const Column& c) { return c.agrees(row, place); });
  };
  for (size_t place = 0; place < rows; ++place) {
    const size_t begin = place / length * length;
    const size_t end = begin + length;
    auto near = [&](size_t row) {
      return row >= begin && row < end &&
             std::abs(scores.expected[row] - scores.expected[place]) <= scores.allowed;
    };
    std::optional<size_t> found;
    bool up = true;
    bool down = true;
    for (size_t step = 0; !found && step < length && (up || down); ++step) {
      down = down && place + step < end && near(place + step);
      up = up && place >= begin + step && near(place - step);
      if (down && fits(place + step, place)) found = place + step;
      if (!found && up && fits(place - step, place)) found = place - step;
    }
    if (!found) return {};
    taken[*found] = true;
    order[place] = *found;
    if (*found == place) continue;
    ++out.moved;
    out.largest_gap =
        std::max(out.largest_gap, std::abs(scores.expected[*found] - scores.expected[place]));
  }
  return order;
}

Tensor with_rows(const Tensor& t, const std::vector<size_t>& order) {
  const std::vector<std::byte> from = t.bytes();
  std::vector<std::byte> to(from.size());
  const size_t row = from.size() / order.size();
  for (size_t i = 0; i < order.size(); ++i) {
    if (row > 0) std::memcpy(to.data() + i * row, from.data() + order[i] * row, row);
  }
  return Tensor::owned(t.dtype, t.dims, std::move(to));
}

}  // namespace

bool ranks(const aten::Program& program) {
  static const std::set<std::string_view> kRankings = {"aten::topk", "aten::sort", "aten::argsort",
                                                       "torchvision::nms"};
  bool found = false;
  aten::for_each_node(program.nodes,
                      [&](const aten::Node& node) { found |= kRankings.count(node.op) != 0; });
  return found;
}

std::optional<Reordered> reorder(const std::vector<Tensor>& actual,
                                 const std::vector<Tensor>& expected, double tolerance) {
  if (actual.size() != expected.size()) return std::nullopt;
  for (size_t s = 0; s < expected.size(); ++s) {
    if (!is_score(expected[s]) || !alike(actual[s], expected[s])) continue;
    const std::vector<Column> group = group_of(s, actual, expected, tolerance);
    if (group.size() < 2) continue;
    Reordered out;
    const auto order = order_of(group, static_cast<size_t>(expected[s].dims.back()), out);
    if (order.empty() || out.moved == 0) continue;
    out.outputs = actual;
    for (const Column& column : group) {
      out.outputs[column.output] = with_rows(actual[column.output], order);
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace onnxport::verify
