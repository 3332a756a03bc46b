#include "pipeline/simplify_build.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "onnx/read.h"
#include "onnx/walk.h"
#include "onnx/write.h"
#include "pipeline/facts.h"
#include "pipeline/sandbox_policy.h"
#include "simplify/fix_shapes.h"
#include "simplify/refusals.h"
#include "verify/agreement.h"
#include "verify/evaluate.h"

namespace onnxport::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFoldGrowth = 1 << 20;  // of one tensor, see simplify::Options

uint64_t tensor_bytes(const onnx::Model& model) {
  uint64_t bytes = 0;
  for (const onnx::Graph* graph : onnx::all_graphs(model)) {
    for (const onnx::Value* v : graph->initializers()) bytes += v->initializer->nbytes();
    for (const onnx::Node* node = graph->first(); node != nullptr; node = node->next) {
      for (const auto& [name, attribute] : node->attributes) {
        if (const auto* t = std::get_if<Tensor>(&attribute.v)) bytes += t->nbytes();
      }
    }
  }
  return bytes;
}

}  // namespace

Status SimplifyBuild::read() {
  return session_.stage("read", [&]() -> Status {
    TRY_ASSIGN(model_, read_source());
    unchanged_ = true;
    const facts::Facts facts = facts::of_model(model_);
    report_.nodes_before = facts.nodes;
    report_.operators_before = facts.operators;
    report_.parameters_before = facts.parameters;
    bytes_before_ = tensor_bytes(model_);
    std::error_code error;
    const uint64_t graph_bytes = fs::file_size(source_, error);
    // With external data wherever it is: the file alone does not say how large the model is.
    report_.file_bytes_before =
        graph_bytes >= bytes_before_ ? graph_bytes : graph_bytes + bytes_before_;
    random_outputs_ = verify::random_outputs(model_);
    const double percent =
        config_.max_growth_percent / 100 * static_cast<double>(report_.file_bytes_before);
    max_growth_ = config_.max_growth_bytes ? *config_.max_growth_bytes
                                           : static_cast<int64_t>(std::min(percent, 1e18));
    const bool given = config_.max_growth_bytes || config_.max_growth_percent != 1;
    fold_growth_ = given ? max_growth_ : kFoldGrowth;
    return {};
  });
}

Result<onnx::Model> SimplifyBuild::read_source() const {
  TRY_ASSIGN(onnx::Model model, onnx::read_model(source_));
  std::vector<simplify::InputShape> shapes;
  for (const InputSpec& spec : config_.inputs) {
    if (spec.sizes) shapes.push_back({spec.name, *spec.sizes});
  }
  if (auto status = simplify::fix_input_shapes(model, shapes); !status.ok()) {
    return std::move(status).error().at("--input-shape");
  }
  return model;
}

Status SimplifyBuild::make(const Attempt& attempt) {
  TRY(simplify(attempt));
  const auto grown = static_cast<int64_t>(tensor_bytes(model_) - bytes_before_);
  if (grown > max_growth_ && fold_growth_ > 0) {
    fold_growth_ = 0;
    return make(attempt);
  }
  TRY(write());
  const auto larger = static_cast<int64_t>(report_.file_bytes - report_.file_bytes_before);
  if (larger > max_growth_ && fold_growth_ > 0) {
    fold_growth_ = 0;
    return make(attempt);
  }
  // Larger, and not one node less: then the graph is carried over as it is.
  const bool gained = summary_.nodes_after < summary_.nodes_before;
  if (larger > max_growth_ && !gained && attempt.max_applications > 0) return make({0, false});
  return {};
}

simplify::Options SimplifyBuild::options(const Attempt& attempt) {
  simplify::Options options;
  options.exact = config_.exact;
  options.skip = skip_;
  options.max_growth = fold_growth_ > 0 ? std::max(max_growth_, fold_growth_) : 0;
  if (fold_growth_ == 0) {
    options.max_total_growth = 0;
  } else if (config_.max_growth_bytes) {
    options.max_total_growth = max_growth_;
  } else {
    options.max_share = config_.max_growth_percent / 100;
  }
  options.cancel = session_.cancel();
  options.memory = session_.limits().memory / 2;  // the rest is for the graph
  options.evaluate = [this](const onnx::Model& constants) {
    return verify::evaluate(constants,
                            {sandbox_policy(config_, session_.limits()), session_.cancel()});
  };
  options.max_applications = attempt.max_applications;
  if (attempt.trace || attempt.max_applications != SIZE_MAX) {
    options.trace = [&](const simplify::Application& a) {
      last_ = a;
      if (is_traced(a)) report_.trace.push_back({a.rule, a.node, a.op_type, a.removed, a.made});
    };
  }
  return options;
}

bool SimplifyBuild::is_traced(const simplify::Application& a) const {
  const std::string& only = config_.trace_only;
  return config_.trace && (only.empty() || only == a.rule || only == a.node);
}

Status SimplifyBuild::simplify(const Attempt& attempt) {
  return session_.stage("simplify", [&]() -> Status {
    if (!unchanged_) {
      TRY_ASSIGN(model_, read_source());
    }
    unchanged_ = false;
    last_ = {};
    report_.trace.clear();
    simplify::Options asked = options(attempt);
    simplify::Refusals refusals;
    if (config_.trace && attempt.trace) {
      asked.refused = [&](const simplify::Refusal& refusal) { refusals.add(refusal); };
    }
    auto summary = simplify::simplify(model_, asked);
    if (!summary.ok()) return std::move(summary).error().at(source_);
    summary_ = std::move(*summary);
    report_.refusals.clear();
    for (auto& group : refusals.groups(model_, config_.trace_only)) {
      report_.refusals.push_back(
          {std::move(group.rule), std::move(group.reason), std::move(group.nodes)});
    }
    return {};
  });
}

Status SimplifyBuild::write() {
  return session_.stage("write", [&]() -> Status {
    std::error_code ignored;
    fs::remove(session_.staging().file() + ".data", ignored);  // of an attempt before
    onnx::WriteOptions options;
    options.cancel = session_.cancel();
    auto written = onnx::write_model(model_, session_.staging().file(), options);
    if (!written.ok()) return session_.speak_of_output(std::move(written).error());
    report_.file_bytes = written->bytes + written->external_bytes;
    return {};
  });
}

}  // namespace onnxport::pipeline
