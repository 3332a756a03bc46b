#include "lower/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "onnx/axis.h"
#include "onnx/fold.h"
#include "onnx/infer.h"
#include "onnx/known_ints.h"
#include "onnx/ops/op_def.h"
#include "onnx/walk.h"

namespace onnxport::lower {

namespace {

// Constants up to this many bytes are shared when they are equal.
constexpr size_t kSharedBytes = 4096;
// Results up to this many elements are folded while building.
constexpr int64_t kFoldedElements = 1 << 16;

template <typename T>
void append_bytes(std::string& out, const T& value) {
  // The address of a value is its identity: pointers count as they are.
  const size_t size = sizeof(T);  // NOLINT(bugprone-sizeof-expression)
  out.append(reinterpret_cast<const char*>(&value), size);
}

// What makes two nodes equal; nullopt when an attribute is not plain.
std::optional<std::string> node_text(std::string_view op_type, const Values& inputs,
                                     const Attributes& attributes) {
  std::string out(op_type);
  for (Value input : inputs) append_bytes(out, input);
  for (const auto& [name, attribute] : attributes) {
    out += '\0' + name + '\0';
    if (const auto* i = std::get_if<int64_t>(&attribute.v)) {
      append_bytes(out, *i);
    } else if (const auto* f = std::get_if<float>(&attribute.v)) {
      append_bytes(out, *f);
    } else if (const auto* s = std::get_if<std::string>(&attribute.v)) {
      out += *s;
    } else if (const auto* list = std::get_if<onnx::Attribute::Ints>(&attribute.v)) {
      for (int64_t i : *list) append_bytes(out, i);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// Backwards, so that what only a removed node used goes too.
void remove_unused(onnx::Graph& graph) {
  std::vector<onnx::Node*> nodes = graph.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    if ((*it)->unused()) graph.erase(*it);
  }
}

// A name in a body may have been taken outside later.
void make_names_unique(const onnx::Model& model) {
  for (onnx::Graph* body : onnx::all_graphs(model)) {
    if (body->outer() == nullptr) continue;
    for (Value value : body->values()) {
      bool taken = false;
      for (const onnx::Graph* g = body->outer(); g != nullptr && !taken; g = g->outer()) {
        taken = g->find(value->name) != nullptr;
      }
      if (taken) body->rename(value, value->name + ".inner");
    }
  }
}

}  // namespace

Builder::Builder(onnx::Model& model, const aten::Program& program)
    : model_(model), program_(program) {}

int64_t Builder::opset() const { return model_.opset(); }
onnx::Graph& Builder::graph() { return bodies_.empty() ? main_graph() : *bodies_.back().graph; }

void Builder::begin(const aten::Node& node, int32_t index, std::span<const OpsetNeed> needs) {
  node_ = &node;
  origin_ = index;
  needs_ = needs;
  next_name_ = 0;
  base_name_ = node.full_name();
  for (aten::ValueId id : node.outputs) {
    if (!id.valid()) continue;
    base_name_ = program_.value(id).name;
    break;
  }
  for (const OpsetNeed& need : needs) {
    if (need.whole) need_opset(need);
  }
}

void Builder::need_opset(const OpsetNeed& need) const {
  if (opset() >= need.opset) return;
  const bool declared = std::any_of(needs_.begin(), needs_.end(), [&](const OpsetNeed& n) {
    return n.opset == need.opset && std::string_view(n.what) == need.what;
  });
  refuse(fmt::format("{}{} needs opset {} (asked for: {}); export with --opset {}",
                     declared ? "" : "internal error, the rule does not declare it: ", need.what,
                     need.opset, opset(), need.opset));
}

// --- nodes ------------------------------------------------------------------------------------

// The module path for its first node, then path/OpType, path/OpType_1, ...
std::string Builder::node_name(std::string_view op_type) {
  std::string path = node_ != nullptr ? node_->module_path : "";
  if (path.empty()) path = base_name_;
  if (path.empty()) path = "main";
  if (node_names_[path]++ == 0) return path;
  std::string name = fmt::format("{}/{}", path, op_type);
  for (;;) {
    int n = node_names_[name]++;
    if (n == 0) return name;
    std::string numbered = fmt::format("{}_{}", name, n);
    if (node_names_[numbered]++ == 0) return numbered;
  }
}

std::string Builder::value_name() {
  return fmt::format("{}.{}", base_name_.empty() ? "value" : base_name_, ++next_name_);
}

onnx::Node* Builder::make_node(std::string_view op_type, Values inputs, Attributes attributes,
                               size_t outputs) {
  onnx::Node* node =
      graph().add_node(std::string(op_type), std::move(inputs), std::move(attributes), outputs);
  node->origin = origin_;
  for (Value output : node->outputs) graph().rename(output, value_name());
  if (Status status = onnx::infer(*node, opset()); !status.ok()) {
    refuse(fmt::format("{}: {}", op_type, status.error().str()));
  }
  return node;
}

// The outputs as constants, and the node gone, when all is known already.
std::optional<Values> Builder::folded(onnx::Node* node) {
  std::optional<std::vector<Tensor>> tensors;
  if (node->outputs.size() == 1 && node->outputs[0]->dtype == DType::kInt64) {
    if (auto content = onnx::known_tensor(*node->outputs[0])) tensors = {std::move(*content)};
  }
  if (!tensors) tensors = onnx::fold(*node, opset(), kFoldedElements);
  if (!tensors || tensors->size() != node->outputs.size()) return std::nullopt;
  std::vector<std::string> names;
  for (Value output : node->outputs) names.push_back(output->name);
  graph().erase(node);
  Values out;
  for (size_t i = 0; i < names.size(); ++i) {
    Tensor& tensor = (*tensors)[i];
    const bool small = tensor.nbytes() <= kSharedBytes;
    out.push_back(constant(std::move(tensor), small ? "" : names[i]));
  }
  return out;
}

Values Builder::op_n(std::string_view op_type, Values inputs, Attributes attributes, size_t outputs,
                     bool fold) {
  while (!inputs.empty() && inputs.back() == nullptr) inputs.pop_back();
  std::optional<std::string> text;
  if (outputs == 1 && onnx::has_trait(op_type, onnx::Trait::kBuiltOnce))
    text = node_text(op_type, inputs, attributes);
  if (text) {
    if (auto it = seen_.nodes.find(*text); it != seen_.nodes.end()) return {it->second};
  }
  onnx::Node* node = make_node(op_type, std::move(inputs), std::move(attributes), outputs);
  if (auto constants = fold ? folded(node) : std::nullopt) {
    if (text) seen_.nodes[*text] = constants->front();
    return *constants;
  }
  node->name = node_name(op_type);
  for (Value output : node->outputs) note_sizes(output);
  if (text) seen_.nodes[*text] = node->outputs[0];
  return node->outputs;
}

Value Builder::op(std::string_view op_type, Values inputs, Attributes attributes) {
  return op_n(op_type, std::move(inputs), std::move(attributes), 1)[0];
}

// An op whose output shape is known better than inference can tell.
Value Builder::named_op(std::string_view op_type, Values inputs, Attributes attributes,
                        const Shape& shape) {
  Value out = op(op_type, std::move(inputs), std::move(attributes));
  if (out->constant() == nullptr) {
    out->shape = shape;
    note_sizes(out);
  }
  return out;
}

// --- constants --------------------------------------------------------------------------------

Value Builder::constant(Tensor tensor, std::string_view name) {
  const bool shared = tensor.nbytes() <= kSharedBytes && tensor.dtype != DType::kString;
  uint64_t hash = 0;
  if (shared) {
    hash = content_hash(tensor);
    for (Value known : constants_[hash]) {
      if (same_bytes(*known->initializer, tensor)) return known;
    }
  }
  Value value =
      main_graph().add_initializer(name.empty() ? "const" : std::string(name), std::move(tensor));
  if (shared) constants_[hash].push_back(value);
  return value;
}

Value Builder::derived(Value weight, const std::string& key, const std::function<Tensor()>& make) {
  std::string text = fmt::format("derived {} {}", static_cast<const void*>(weight), key);
  if (auto it = seen_.nodes.find(text); it != seen_.nodes.end()) return it->second;
  Tensor tensor = make();
  if (weight->name.starts_with("const")) return seen_.nodes[text] = constant(std::move(tensor));
  Value out = main_graph().add_initializer(weight->name, std::move(tensor));
  std::string name = weight->name;
  for (const auto& [value, original] : derived_) {
    if (value == weight) name = original;
  }
  derived_.emplace_back(out, std::move(name));
  return seen_.nodes[text] = out;
}

Value Builder::ints(const std::vector<int64_t>& values) { return constant(Tensor::ints(values)); }
Value Builder::scalar(double value, DType dtype) { return constant(Tensor::scalar(dtype, value)); }
Value Builder::scalar_like(double value, Value like) { return scalar(value, like->dtype); }

// --- facts ------------------------------------------------------------------------------------

const Shape& Builder::shape(Value x) {
  if (!x->shape) refuse(fmt::format("the rank of `{}` is not known", x->name));
  return *x->shape;
}

int64_t Builder::rank(Value x) { return static_cast<int64_t>(shape(x).size()); }

int64_t Builder::axis(int64_t dim, Value x) {
  // PyTorch takes a scalar for a list of one.
  const auto found = onnx::axis_of(dim, static_cast<size_t>(std::max<int64_t>(rank(x), 1)));
  if (!found) {
    refuse(fmt::format("dimension {} is out of range for a tensor of rank {}", dim, rank(x)));
  }
  return static_cast<int64_t>(*found);
}

const Tensor* Builder::constant_of(Value x) { return x->constant(); }

const aten::Value* Builder::recorded(size_t output) const {
  if (node_ == nullptr || output >= node_->outputs.size()) return nullptr;
  const aten::ValueId id = node_->outputs[output];
  return id.valid() ? &program_.value(id) : nullptr;
}

// --- the vocabulary of rules ---------------------------------------------------------------------

Value Builder::cast(Value x, DType to) {
  if (x->dtype == to) return x;
  const Tensor* tensor = constant_of(x);
  if (tensor != nullptr && tensor->numel() > kFoldedElements && to != DType::kBool) {
    return derived(x, fmt::format("cast {}", name(to)), [&] { return tensor->cast(to); });
  }
  return op("Cast", {x}, {{"to", static_cast<int64_t>(to)}});
}

Value Builder::transpose(Value x, std::vector<int64_t> perm) {
  for (int64_t& p : perm) p = axis(p, x);
  if (std::is_sorted(perm.begin(), perm.end())) return x;
  if (const Tensor* tensor = constant_of(x)) {
    return derived(x, fmt::format("transposed {}", fmt::join(perm, " ")),
                   [&] { return tensor->transposed(perm); });
  }
  return op("Transpose", {x}, {{"perm", perm}});
}

Value Builder::unsqueeze(Value x, std::vector<int64_t> axes) {
  if (axes.empty()) return x;
  const int64_t n = rank(x) + static_cast<int64_t>(axes.size());
  for (int64_t& a : axes) a = a < 0 ? a + n : a;
  std::sort(axes.begin(), axes.end());
  if (const Tensor* tensor = constant_of(x)) {
    std::vector<int64_t> dims = tensor->dims;
    for (int64_t a : axes) dims.insert(dims.begin() + a, 1);
    return reshape(x, Shape(dims.begin(), dims.end()));
  }
  return op("Unsqueeze", {x, ints(axes)});
}

Value Builder::squeeze(Value x, std::vector<int64_t> axes) {
  if (axes.empty()) return x;
  for (int64_t& a : axes) a = axis(a, x);
  std::sort(axes.begin(), axes.end());
  if (const Tensor* tensor = constant_of(x)) {
    std::vector<int64_t> dims = tensor->dims;
    for (auto it = axes.rbegin(); it != axes.rend(); ++it) dims.erase(dims.begin() + *it);
    return reshape(x, Shape(dims.begin(), dims.end()));
  }
  return op("Squeeze", {x, ints(axes)});
}

Value Builder::concat(Values xs, int64_t dim) {
  if (xs.empty()) refuse("nothing to concatenate");
  if (xs.size() == 1) return xs[0];
  return op("Concat", xs, {{"axis", axis(dim, xs[0])}});
}

Value Builder::gather(Value x, Value indices, int64_t dim) {
  return op("Gather", {x, indices}, {{"axis", axis(dim, x)}});
}

Value Builder::reduce(std::string_view op_type, Value x, std::vector<int64_t> axes, bool keepdims) {
  if (rank(x) == 0) return x;
  for (int64_t& a : axes) a = axis(a, x);
  std::sort(axes.begin(), axes.end());
  Attributes attributes;
  Values inputs = {x};
  if (!axes.empty()) {
    if (opset() >= onnx::ops::find(op_type)->became_inputs.since) {
      inputs.push_back(ints(axes));
    } else {
      attributes.emplace_back("axes", axes);
    }
  }
  attributes.emplace_back("keepdims", keepdims);
  return op(op_type, std::move(inputs), std::move(attributes));
}

Value Builder::clip(Value x, std::optional<double> low, std::optional<double> high) {
  if (!low && !high) return x;
  return op("Clip",
            {x, low ? scalar_like(*low, x) : nullptr, high ? scalar_like(*high, x) : nullptr});
}

Value Builder::softmax(Value x, int64_t dim) {
  if (rank(x) == 0) return op("Softmax", {unsqueeze(x, {0})}, {{"axis", 0}});
  return op("Softmax", {x}, {{"axis", axis(dim, x)}});
}

Value Builder::matmul(Value a, Value b) { return op("MatMul", {a, b}); }
Value Builder::add(Value a, Value b) { return op("Add", {a, b}); }
Value Builder::sub(Value a, Value b) { return op("Sub", {a, b}); }
Value Builder::mul(Value a, Value b) { return op("Mul", {a, b}); }
Value Builder::div(Value a, Value b) { return op("Div", {a, b}); }
Value Builder::where(Value condition, Value a, Value b) {
  return op("Where", {cast(condition, DType::kBool), a, b});
}

void Builder::bind_scalar(const Expr& symbol, Value tensor) {
  seen_.scalars[symbol.str()] = tensor;
}

// --- bodies -----------------------------------------------------------------------------------

onnx::Graph& Builder::enter_body(const std::string& name) {
  auto body = std::make_shared<onnx::Graph>(&graph());
  body->name = name;
  bodies_.push_back({std::move(body), seen_});
  return graph();
}

onnx::Attribute::GraphRef Builder::leave_body() {
  remove_unused(graph());
  onnx::Attribute::GraphRef body = std::move(bodies_.back().graph);
  seen_ = std::move(bodies_.back().outside);
  bodies_.pop_back();
  return body;
}

// --- the end ----------------------------------------------------------------------------------

void Builder::finish() {
  remove_unused(graph());
  make_names_unique(model_);
  std::vector<Value> gone;
  for (Value x : graph().initializers()) {
    if (x->unused() && !x->is_input) gone.push_back(x);
  }
  std::erase_if(derived_, [&](const auto& pair) {
    return std::find(gone.begin(), gone.end(), pair.first) != gone.end();
  });
  for (Value x : gone) graph().erase_value(x);
  for (const auto& [value, name] : derived_) {
    if (graph().find(name) == nullptr) graph().rename(value, name);
  }
}

}  // namespace onnxport::lower
