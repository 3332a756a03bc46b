// The table of operators against ONNX's own schemas.
#include "onnx/ops/op_def.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace onnxport::onnx::ops {
namespace {

using ::onnx::OpSchema;
using ::onnx::OpSchemaRegistry;

constexpr int kOldestOpset = 7;

// What nothing is known of, and why.
const std::map<std::string, std::string>& unknown() {
  static const std::map<std::string, std::string> reasons = [] {
    std::map<std::string, std::string> all;
    const auto add = [&](const char* reason, std::initializer_list<const char*> ops) {
      for (const char* op : ops) all[op] = reason;
    };
    add("sequences and optionals are not tensors: their types travel as they came",
        {"ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceAt",
         "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength",
         "SequenceMap", "SplitToSequence"});
    add("text has no place in a vision model",
        {"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"});
    add("signals: no exporter of PyTorch models makes them",
        {"BlackmanWindow", "DFT", "HammingWindow", "HannWindow", "MelWeightMatrix", "STFT"});
    add("losses are no part of a model that is exported",
        {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"});
    add("too new, or too rare, to have been met in a file",
        {"BitCast", "CausalConvWithState", "CenterCropPad", "DeformConv", "ImageDecoder",
         "LinearAttention", "MaxUnpool", "SwiGLU"});
    return all;
  }();
  return reasons;
}

// By name, every version that a file of kOldestOpset or later can use, the oldest first.
std::map<std::string, std::vector<OpSchema>> schemas() {
  std::map<std::string, std::vector<OpSchema>> all;
  for (const OpSchema& schema : OpSchemaRegistry::get_all_schemas_with_history()) {
    if (schema.domain().empty()) all[schema.Name()].push_back(schema);
  }
  for (auto& [name, versions] : all) {
    std::sort(versions.begin(), versions.end(), [](const OpSchema& a, const OpSchema& b) {
      return a.SinceVersion() < b.SinceVersion();
    });
  }
  std::erase_if(all, [](const auto& entry) {
    const OpSchema& newest = entry.second.back();
    return newest.Deprecated() && newest.SinceVersion() < kOldestOpset;
  });
  return all;
}

// The newest that can be used: a later one may only say that the operator is gone.
const OpSchema& newest_of(const std::vector<OpSchema>& versions) {
  const bool gone = versions.back().Deprecated() && versions.size() > 1;
  return gone ? versions[versions.size() - 2] : versions.back();
}

TEST(OpDef, EveryOperatorOfOnnxIsThereOrHasAReason) {
  std::set<std::string> lost;
  for (const auto& [name, versions] : schemas()) {
    const bool known = find(name) != nullptr;
    const bool excused = unknown().count(name) != 0;
    if (known == excused) lost.insert(name);
  }
  EXPECT_THAT(lost, ::testing::IsEmpty()) << "in neither list, or in both";
  for (const auto& [name, reason] : unknown()) {
    EXPECT_NE(OpSchemaRegistry::Schema(name, ""), nullptr) << name << " is no operator";
  }
}

TEST(OpDef, EveryRowIsAnOperatorAndSaysSomething) {
  for (const auto& [name, def] : all()) {
    EXPECT_TRUE(def->infer != nullptr || def->traits.has(Trait::kRandom)) << name;
    if (*def->domain != '\0') continue;  // ONNX Runtime's have no schema here
    EXPECT_NE(OpSchemaRegistry::Schema(std::string(name), ""), nullptr) << name;
  }
}

TEST(OpDef, RandomOperatorsAreThoseThatOnnxCallsNotDeterministic) {
  for (const auto& [name, versions] : schemas()) {
    const OpSchema& schema = newest_of(versions);
    const bool has_bodies = std::any_of(
        schema.attributes().begin(), schema.attributes().end(), [](const auto& attribute) {
          return attribute.second.type == ::onnx::AttributeProto::GRAPH;
        });
    // A body may be anything, which has nothing to do with the operator; the grid is a formula.
    if (has_bodies || name == "AffineGrid") continue;
    const bool random = schema.GetNodeDeterminism() == OpSchema::NodeDeterminism::NonDeterministic;
    EXPECT_EQ(has_trait(name, Trait::kRandom), random) << name;
  }
}

TEST(OpDef, TraitsFitTheInputs) {
  const auto all_schemas = schemas();
  for (const auto& [name, def] : all()) {
    if (*def->domain != '\0') continue;
    const OpSchema& schema = newest_of(all_schemas.at(std::string(name)));
    const auto& inputs = schema.inputs();
    const bool variadic = inputs.size() == 1 && inputs[0].GetOption() == OpSchema::Variadic;
    if (def->traits.has(Trait::kCommutative)) {
      EXPECT_TRUE(variadic ||
                  (inputs.size() == 2 && inputs[0].GetTypeStr() == inputs[1].GetTypeStr()))
          << name;
    }
    if (def->traits.has(Trait::kUnary)) {
      EXPECT_EQ(schema.min_input(), 1) << name;
    }
    if (def->traits.has(Trait::kBroadcasts)) {
      EXPECT_TRUE(variadic || inputs.size() >= 2) << name;
      EXPECT_FALSE(def->traits.has(Trait::kUnary)) << name;
    }
    if (def->traits.has(Trait::kElementwise) || def->traits.has(Trait::kReduces)) {
      EXPECT_EQ(schema.outputs().size(), 1U) << name;
    }
    if (def->traits.has(Trait::kSelects)) {
      EXPECT_EQ(schema.outputs()[0].GetTypeStr(), inputs[0].GetTypeStr()) << name;
    }
    if (def->traits.has(Trait::kReduces)) {
      EXPECT_EQ(schema.attributes().count("keepdims"), 1U) << name;
    }
  }
}

TEST(OpDef, AttributesBecameInputsWhenTheSchemasSayIt) {
  const auto all_schemas = schemas();
  for (const auto& [name, versions] : all_schemas) {
    std::map<std::string, size_t> inputs;  // those that were attributes in another version
    int since = 0;
    for (size_t v = 1; v < versions.size(); ++v) {
      const auto& formals = versions[v].inputs();
      for (size_t i = 0; i < formals.size(); ++i) {
        // Pad's is called `value` where it is an attribute.
        const std::string& name_now = formals[i].GetName();
        const std::string called = name_now == "constant_value" ? "value" : name_now;
        if (versions[v - 1].attributes().count(called) == 0) continue;
        inputs[called] = i;
        since = versions[v].SinceVersion();
      }
    }
    const OpDef* def = find(name);
    if (def == nullptr || since < kOldestOpset) continue;
    EXPECT_EQ(def->became_inputs.since, since) << name;
    Node node;
    node.op_type = name;
    for (const auto& [attribute, input] : inputs) {
      EXPECT_EQ(input_of(node, attribute), input) << name << " " << attribute;
    }
  }
}

TEST(OpDef, OtherDomainsHaveNoTraits) {
  Node node;
  node.op_type = "Relu";
  EXPECT_TRUE(has_trait(node, Trait::kUnary));
  EXPECT_TRUE(has_trait(node, Trait::kElementwise));
  EXPECT_FALSE(has_trait(node, Trait::kBroadcasts));
  node.domain = "com.example";
  EXPECT_FALSE(has_trait(node, Trait::kUnary));
  EXPECT_EQ(find(node), nullptr);
  node.domain = "com.microsoft";
  EXPECT_EQ(find(node), nullptr);
  node.op_type = "DynamicQuantizeLSTM";
  EXPECT_NE(find(node), nullptr);
}

}  // namespace
}  // namespace onnxport::onnx::ops
