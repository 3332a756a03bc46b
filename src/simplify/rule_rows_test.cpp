#include "simplify/rule_rows_test.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include "onnx/check.h"
#include "onnx/file_fixture.h"
#include "onnx/infer.h"
#include "onnx/read.h"
#include "onnx/write.h"
#include "simplify/rule.h"
#include "simplify/simplify.h"
#include "verify/compare.h"
#include "verify/runtime.h"

namespace onnxport::simplify {
namespace {

using ::testing::Contains;

std::vector<Rewrite>& all_rewrites() {
  static std::vector<Rewrite> rows;
  return rows;
}

std::vector<Refused>& all_refused() {
  static std::vector<Refused> rows;
  return rows;
}

// A graph as text that does not depend on the names of its values or the order of its nodes.
// Constants are numbered: their content is compared as numbers, see `constants`.
class Canonical {
 public:
  explicit Canonical(const onnx::Graph& graph) { add(graph); }

  const std::string& text() const { return text_; }
  const std::vector<Tensor>& constants() const { return constants_; }

 private:
  void add(const onnx::Graph& graph) {  // NOLINT(misc-no-recursion): rows are small
    for (const Value* output : graph.outputs()) {
      const std::string value = reference(output);
      text_ += fmt::format("{} = {}\n", output->name, value);
    }
    text_ += fmt::format("{} nodes\n", graph.node_count());
  }

  std::string reference(const Value* v) {  // NOLINT(misc-no-recursion)
    if (v == nullptr) return "-";
    if (v->producer != nullptr) return fmt::format("%{}.{}", number_of(*v->producer), v->output);
    const Tensor* t = v->constant();
    if (t == nullptr) return v->name;
    constants_.push_back(*t);
    return fmt::format("{}[{}]#{}", name(t->dtype), fmt::join(t->dims, ", "), constants_.size());
  }

  size_t number_of(const Node& node) {  // NOLINT(misc-no-recursion)
    const auto known = numbers_.find(&node);
    if (known != numbers_.end()) return known->second;
    std::vector<std::string> inputs, attributes;
    for (const Value* in : node.inputs) inputs.push_back(reference(in));
    for (const auto& [key, attribute] : node.attributes) {
      attributes.push_back(key + " = " +
                           std::visit([&](const auto& x) { return text_of(x); }, attribute.v));
    }
    std::sort(attributes.begin(), attributes.end());
    const size_t number = numbers_.size();
    numbers_.emplace(&node, number);
    text_ += fmt::format("%{} = {}{}<{}>({})\n", number, node.domain, node.op_type,
                         fmt::join(attributes, ", "), fmt::join(inputs, ", "));
    return number;
  }

  std::string text_of(int64_t x) { return std::to_string(x); }
  std::string text_of(float x) { return fmt::format("{:.6g}", x); }
  std::string text_of(const std::string& x) { return x; }
  std::string text_of(const Tensor& x) {
    constants_.push_back(x);
    return fmt::format("#{}", constants_.size());
  }
  std::string text_of(const onnx::Attribute::GraphRef& x) {  // NOLINT(misc-no-recursion)
    add(*x);
    return "graph";
  }
  std::string text_of(const onnx::Opaque& x) { return x.bytes; }
  template <typename T>
  std::string text_of(const std::vector<T>& list) {  // NOLINT(misc-no-recursion)
    std::vector<std::string> items;
    for (const T& x : list) items.push_back(text_of(x));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }

  std::string text_;
  std::vector<Tensor> constants_;
  std::map<const Node*, size_t> numbers_;
};

void expect_same_constants(const Canonical& actual, const Canonical& expected) {
  ASSERT_EQ(actual.constants().size(), expected.constants().size());
  for (size_t i = 0; i < actual.constants().size(); ++i) {
    const Tensor &a = actual.constants()[i], &b = expected.constants()[i];
    const std::string message =
        fmt::format("constant #{}", i + 1) +
        (a.dtype != DType::kString
             ? fmt::format(": {} in place of {}", a.as_doubles(), b.as_doubles())
             : std::string());
    EXPECT_EQ(a.strings, b.strings) << message;
    if (a.dtype == DType::kString) continue;
    const verify::Comparison c = verify::compare(a, b);
    EXPECT_TRUE(c.same_kind && verify::within(c, b.dtype, 2e-6)) << message;
  }
}

// All other rules and steps are left out.
Options only(const char* rule) {
  Options options;
  for (const Rule* other : all_rules()) options.skip.insert(other->name);
  for (const Step& step : steps()) options.skip.insert(step.name);
  EXPECT_EQ(options.skip.erase(rule), 1U) << "there is no rule " << rule;
  return options;
}

// A size for each symbol, the same in both graphs; small, and none like another.
class Sizes {
 public:
  int64_t of(const std::string& symbol) {
    if (symbol == "N") return 2;
    return sizes_.emplace(symbol, static_cast<int64_t>(5 + sizes_.size())).first->second;
  }

 private:
  std::map<std::string, int64_t> sizes_;
};

std::vector<Tensor> random_inputs(const verify::Session& session, double low, double high) {
  Sizes sizes;
  std::mt19937 random(1);
  std::vector<Tensor> inputs;
  for (const verify::Port& port : session.inputs()) {
    std::vector<int64_t> dims = port.dims;
    int64_t count = 1;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] < 0) dims[i] = sizes.of(port.dim_names[i]);
      count *= dims[i];
    }
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i) {
      const double x = std::uniform_real_distribution<double>(low, high)(random);
      const bool is_unsigned = port.dtype == DType::kUint8;
      if (port.dtype == DType::kBool) {
        values.push_back(x > (low + high) / 2 ? 1 : 0);
      } else {
        values.push_back(is_floating(port.dtype) ? x : std::round(is_unsigned ? std::abs(x) : x));
      }
    }
    inputs.push_back(Tensor::of<double>(DType::kDouble, dims, values).cast(port.dtype));
  }
  return inputs;
}

class RuleRows : public onnx::FileTest {
 protected:
  // Nothing where the text does not parse; the test has failed then.
  onnx::Model model_of(const std::string& signature, const std::string& graph, int opset,
                       const std::string& file) {
    const size_t arrow = signature.find("=>");
    const std::string text = fmt::format("g ({}) => ({}) {}", signature.substr(0, arrow),
                                         signature.substr(arrow + 2), graph);
    ::onnx::ModelProto proto;
    ::onnx::OnnxParser parser(text.c_str());
    const auto parsed = parser.Parse(*proto.mutable_graph());
    EXPECT_TRUE(parsed.IsOK()) << parsed.ErrorMessage() << "\n" << text;
    proto.set_ir_version(onnx::ir_version_for_opset(opset));
    proto.add_opset_import()->set_version(opset);
    put(path(file), proto.SerializeAsString());
    auto model = onnx::read_model(path(file));
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().str()) << "\n" << text;
    if (!model.ok()) return {};
    std::vector<Error> problems;
    EXPECT_TRUE(onnx::infer(*model, &problems).ok());
    return std::move(*model);
  }

  Result<std::unique_ptr<verify::Session>> open(const std::string& file) const {
    TRY_ASSIGN(const onnx::ModelFiles files, onnx::open_model_files(path(file)));
    return verify::Session::open(files, {.optimize = false, .threads = 1});
  }

  void expect_same_results(const Rewrite& row, bool exact) {
    auto before = open("before.onnx"), after = open("after.onnx");
    ASSERT_TRUE(before.ok()) << "before: " << before.error().str();
    ASSERT_TRUE(after.ok()) << "after: " << after.error().str();
    const std::vector<Tensor> inputs = random_inputs(**before, row.low, row.high);
    auto expected = (*before)->run(inputs), actual = (*after)->run(inputs);
    ASSERT_TRUE(expected.ok()) << "before: " << expected.error().str();
    ASSERT_TRUE(actual.ok()) << "after: " << actual.error().str();
    ASSERT_EQ(actual->size(), expected->size());
    for (size_t i = 0; i < actual->size(); ++i) {
      const Tensor &a = (*actual)[i], &b = (*expected)[i];
      const verify::Comparison c = verify::compare(a, b, "the graph before");
      EXPECT_TRUE(c.same_kind) << c.reason;
      EXPECT_TRUE(exact ? c.max_abs == 0 : verify::within(c, b.dtype, 1e-5))
          << "differs by " << c.max_abs << " of " << c.scale;
      EXPECT_FALSE(verify::has_nan(b)) << "the row's inputs say little: there are NaNs";
    }
  }
};

class RewriteRow : public RuleRows, public ::testing::WithParamInterface<Rewrite> {};

TEST_P(RewriteRow, GivesTheGraphOfTheRowAndTheSameResults) {
  const Rewrite& row = GetParam();
  const onnx::Model expected = model_of(row.signature, row.after, row.opset, "expected.onnx");
  onnx::Model model = model_of(row.signature, row.before, row.opset, "before.onnx");
  if (HasFailure()) return;
  const Options options = only(row.rule);
  auto summary = simplify(model, options);
  ASSERT_TRUE(summary.ok()) << summary.error().str();
  EXPECT_GE(summary->fired[row.rule], 1);
  EXPECT_TRUE(summary->notes.empty()) << summary->notes[0];
  const Canonical actual(*model.graph), wanted(*expected.graph);
  EXPECT_EQ(actual.text(), wanted.text());
  expect_same_constants(actual, wanted);
  ASSERT_TRUE(onnx::write_model(model, path("after.onnx")).ok());
  if (auto status = onnx::check_file(path("after.onnx")); !status.ok()) {
    ADD_FAILURE() << status.error().str();
  }
  bool rounds = false;
  for (const Rule* rule : all_rules()) {
    if (std::string_view(rule->name) == row.rule) rounds = rule->rounding;
  }
  expect_same_results(row, !rounds);
}

class RefusedRow : public RuleRows, public ::testing::WithParamInterface<Refused> {};

TEST_P(RefusedRow, LeavesTheGraphAndSaysWhy) {
  const Refused& row = GetParam();
  onnx::Model model = model_of(row.signature, row.graph, row.opset, "before.onnx");
  if (HasFailure()) return;
  const Canonical before(*model.graph);
  std::vector<std::string> reasons;
  Options options = only(row.rule);
  options.refused = [&](const Refusal& refusal) {
    EXPECT_STREQ(refusal.rule, row.rule);
    reasons.emplace_back(refusal.reason);
  };
  auto summary = simplify(model, options);
  ASSERT_TRUE(summary.ok()) << summary.error().str();
  EXPECT_THAT(reasons, Contains(std::string(row.reason)));
  EXPECT_EQ(summary->fired[row.rule], 0);
  const Canonical after(*model.graph);
  EXPECT_EQ(after.text(), before.text());
  expect_same_constants(after, before);
}

std::string identifier(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return out;
}

template <typename Row>
std::string test_name(const ::testing::TestParamInfo<Row>& info, const char* what) {
  return fmt::format("{}__{}_{}", info.param.rule, identifier(what), info.index);
}

INSTANTIATE_TEST_SUITE_P(Rules, RewriteRow, ::testing::ValuesIn(all_rewrites()),
                         [](const auto& info) { return test_name(info, info.param.name); });
INSTANTIATE_TEST_SUITE_P(Rules, RefusedRow, ::testing::ValuesIn(all_refused()),
                         [](const auto& info) { return test_name(info, info.param.reason); });

// --- nothing without a row -----------------------------------------------------------------------

using Reason = std::pair<std::string, std::string>;  // rule, reason

// What the sources refuse. The rule is empty where a function says it that rules share.
std::set<Reason> reasons_of_sources() {
  const std::regex token(R"(\nRULE(?:_ROUNDING)?\(\s*(\w+)|\n\}|no_match\(\s*"([^"]*)\")");
  std::set<Reason> reasons;
  const std::filesystem::path folder(ONNXPORT_SOURCE_DIR "/src/simplify");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename();
    if (!file.ends_with(".cpp") || file.ends_with("_test.cpp")) continue;
    std::stringstream content;
    content << std::ifstream(entry.path()).rdbuf();
    const std::string text = content.str();
    std::string rule;
    for (std::sregex_iterator it(text.begin(), text.end(), token), end; it != end; ++it) {
      if ((*it)[2].matched) {
        reasons.emplace(rule, (*it)[2]);
      } else {
        rule = (*it)[1];  // nothing at the end of a function
      }
    }
  }
  return reasons;
}

// Reasons that no row can give.
struct OutOfReach {
  const char* rule;
  const char* reason;
  const char* why;
};
constexpr OutOfReach kOutOfReach[] = {
    {"merge_constant_operands", "large constants", "too large for a row: see arithmetic_test.cpp"},
    {"merge_unlike_constant_operands", "large constants", "the same"},
    {"reorder_weight_not_channels", "the weight is too large to reorder", "too large for a row"},
    {"inline_constant_if", "the body has sparse initializers or annotations",
     "the text form does not have them: see control_test.cpp"},
    {"fuse_einsum_and_transpose", "the rank differs",
     "the shapes that inference finds have the equation's rank"},
};

TEST(RuleRowsTogether, HaveARewriteAndARefusalOfEveryRule) {
  std::set<std::string> rewritten, refused;
  for (const Rewrite& row : all_rewrites()) rewritten.insert(row.rule);
  for (const Refused& row : all_refused()) refused.insert(row.rule);
  for (const Rule* rule : all_rules()) {
    EXPECT_EQ(rewritten.count(rule->name), 1U) << rule->name << " has no Rewrite";
    EXPECT_EQ(refused.count(rule->name), 1U) << rule->name << " has no Refused";
  }
}

TEST(RuleRowsTogether, ReachEveryReason) {
  std::set<Reason> reached, shared;
  for (const Refused& row : all_refused()) {
    reached.emplace(row.rule, row.reason);
    shared.emplace("", row.reason);
  }
  for (const OutOfReach& reason : kOutOfReach) {
    EXPECT_TRUE(reached.emplace(reason.rule, reason.reason).second)
        << reason.rule << " reaches it: " << reason.reason;
  }
  const std::set<Reason> wanted = reasons_of_sources();
  ASSERT_GT(wanted.size(), 200U);
  for (const Reason& reason : wanted) {
    const bool is_reached =
        reason.first.empty() ? shared.count(reason) != 0 : reached.count(reason) != 0;
    EXPECT_TRUE(is_reached) << reason.first << " has no row for: " << reason.second;
  }
  for (const OutOfReach& reason : kOutOfReach) {
    EXPECT_EQ(wanted.count({reason.rule, reason.reason}), 1U)
        << reason.rule << ": " << reason.reason;
  }
}

}  // namespace

bool add_rows(std::initializer_list<Rewrite> rewrites, std::initializer_list<Refused> refused) {
  all_rewrites().insert(all_rewrites().end(), rewrites);
  all_refused().insert(all_refused().end(), refused);
  return true;
}

void PrintTo(const Rewrite& row, std::ostream* out) { *out << row.rule << ": " << row.before; }
void PrintTo(const Refused& row, std::ostream* out) { *out << row.rule << ": " << row.graph; }

}  // namespace onnxport::simplify
