// Calls on tensors: run in every sample for sizes and types, recorded as nodes of the program.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "torchscript/convert.h"
#include "torchscript/evaluator.h"

namespace onnxport::torchscript {
namespace {

// Data is computed for tensors up to this size; a weight's, in case the code looks into it, less.
constexpr int64_t kMaxKnown = 1 << 20;
constexpr int64_t kMaxKnownWeight = 1024;
// Elements that may be run on for good, where an operator can do no other.
constexpr int64_t kMaxReal = 1 << 26;

bool takes_device(const c10::Type& type) {
  return type.kind() == c10::TypeKind::DeviceObjType ||
         (type.kind() == c10::TypeKind::OptionalType && takes_device(*type.containedType(0)));
}

at::Tensor meta_of(const at::Tensor& t) {
  if (t.is_meta()) return t;
  return at::empty_strided(t.sizes(), t.strides(), t.options().device(at::kMeta));
}

void for_each_tensor(const Ref& value, const std::function<void(const Ref&)>& f) {
  if (value->is_tensor()) f(value);
  for (const Ref& item : value->items) for_each_tensor(item, f);
}

bool is_write(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

std::string stem_of(const std::string& op) {
  std::string name = op.substr(op.find("::") + 2);
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name.empty() ? "value" : name;
}

// The tensors of a stack, zeros on the CPU in their place; false when that would be too much.
bool make_real(c10::IValue& v, int64_t& budget) {
  if (v.isTensor() && v.toTensor().defined() && v.toTensor().is_meta()) {
    budget -= v.toTensor().numel();
    if (budget < 0) return false;
    const at::Tensor& t = v.toTensor();
    at::Tensor real = at::empty_strided(t.sizes(), t.strides(), t.options().device(at::kCPU));
    real.zero_();
    v = real;
  } else if (v.isDevice()) {
    v = c10::Device(c10::kCPU);
  } else if (v.isList()) {
    auto from = v.toList();
    c10::impl::GenericList out(from.elementType());
    for (size_t i = 0; i < from.size(); ++i) {
      c10::IValue item = from.get(i);
      if (!make_real(item, budget)) return false;
      out.push_back(std::move(item));
    }
    v = out;
  }
  return true;
}

void make_meta(c10::IValue& v) {
  if (v.isTensor() && v.toTensor().defined()) {
    v = meta_of(v.toTensor());
  } else if (v.isTensorList()) {
    std::vector<at::Tensor> out;
    for (const at::Tensor& t : v.toTensorVector()) out.push_back(meta_of(t));
    v = out;
  }
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::function<void(Stack&)> runner(const c10::FunctionSchema& schema, torch::jit::Node* node) {
  auto handle = c10::Dispatcher::singleton().findSchema(schema.operator_name());
  if (handle) return [h = *handle](Stack& stack) { h.callBoxed(&stack); };
  if (node == nullptr) throw Refusal("libtorch has no operator " + schema.name());
  return [operation = node->getOperation()](Stack& stack) mutable { operation(stack); };
}

bool is_random(const c10::FunctionSchema& schema) {
  auto handle = c10::Dispatcher::singleton().findSchema(schema.operator_name());
  return handle && handle->hasTag(at::Tag::nondeterministic_seeded);
}

}  // namespace

bool Evaluator::is_known(const Ref& value) {
  if (value->tensors.empty()) sample_tensor(value, 0, false);
  return std::none_of(value->tensors.begin(), value->tensors.end(), [&](const at::Tensor& t) {
    return t.is_meta() || tainted_.contains(t.storage().unsafeGetStorageImpl());
  });
}

at::Tensor Evaluator::sample_tensor(const Ref& value, size_t sample, bool meta) {
  if (value->tensors.empty()) {
    const at::Tensor& t = value->stored;
    const bool small = t.numel() <= (value->literal ? kMaxKnown : kMaxKnownWeight) &&
                       t.layout() == at::kStrided && !t.is_quantized();
    for (size_t w = 0; w < count_; ++w) {
      value->tensors.push_back(small ? t.clone().to(at::kCPU) : meta_of(t));
    }
  }
  const at::Tensor& t = value->tensors[sample];
  return meta ? meta_of(t) : t;
}

// From here on nobody knows what this tensor, and what shares its memory, holds.
void Evaluator::taint(const Ref& value) {
  for (const at::Tensor& t : value->tensors) {
    if (t.is_meta() || !tainted_.insert(t.storage().unsafeGetStorageImpl()).second) continue;
    kept_.push_back(t);
  }
}

// How often this tensor, or what shares its memory, has been written.
size_t Evaluator::writes_to(const Ref& value) const {
  auto found = writes_.find(value->tensors[0].storage().unsafeGetStorageImpl());
  return found == writes_.end() ? 0 : found->second;
}

aten::ValueId Evaluator::new_value(aten::Value value, const std::string& stem) {
  int& n = stems_[stem];
  do value.name = n == 0 ? stem : fmt::format("{}_{}", stem, n), ++n;
  while (!names_.insert(value.name).second);
  return program_.add_value(std::move(value));
}

// Weights and constants become part of the program at their first use.
aten::ValueId Evaluator::value_id(const Ref& value) {
  if (value->id.valid()) return value->id;
  at::Tensor data = value->stored;
  if (!value->tensors.empty() && value->literal) data = value->tensors[0].clone();
  if (!data.defined()) throw Refusal("a tensor has no data and no name");
  if (data.is_quantized() || data.layout() != at::kStrided) {
    throw Refusal("`" + value->fqn + "` is a quantized or sparse tensor, which is not supported");
  }
  auto tensor = from_torch(data.to(at::kCPU));
  if (!tensor.ok()) throw Refusal(tensor.error().str());
  aten::Value entry;
  entry.dtype = tensor->dtype;
  entry.shape = Shape(tensor->dims.begin(), tensor->dims.end());
  at::Tensor plain = data.contiguous();
  entry.strides = Shape(plain.strides().begin(), plain.strides().end());
  std::string stem = value->fqn.empty() ? "constant" : value->fqn;
  std::replace(stem.begin(), stem.end(), '.', '_');
  value->id = new_value(std::move(entry), stem);
  std::string fqn = value->fqn.empty() ? program_.value(value->id).name : value->fqn;
  program_.weights.push_back({value->id, std::move(fqn), std::move(tensor).value()});
  return value->id;
}

// --- running ------------------------------------------------------------------------------------

Stack Evaluator::run_one(Call& call, const c10::FunctionSchema& schema, size_t sample, bool meta) {
  Stack stack;
  // What makes a tensor from nothing makes it on the CPU when no device is given.
  bool from_nothing = true;
  for (const Ref& value : call.in) {
    for_each_tensor(value, [&](const Ref&) { from_nothing = false; });
  }
  for (size_t i = 0; i < call.in.size(); ++i) {
    c10::IValue v = ivalue(call.in[i], sample, meta);
    if (meta && (v.isDevice() || (v.isNone() && from_nothing)) &&
        takes_device(*schema.arguments()[i].type())) {
      v = c10::Device(c10::kMeta);
    }
    stack.push_back(std::move(v));
  }
  auto run = runner(schema, call.node);
  if (!meta) {
    run(stack);
    return stack;
  }
  Stack before = stack;
  if (shapes_of(schema.name(), stack)) return stack;
  std::string why;
  try {
    run(stack);
    return stack;
  } catch (const c10::Error& e) {
    why = first_line(e.what_without_backtrace());
  } catch (const std::exception& e) {
    why = first_line(e.what());
  }
  int64_t budget = kMaxReal;
  for (c10::IValue& v : before) {
    if (!make_real(v, budget)) throw Refusal("libtorch: " + why);
  }
  try {
    run(before);
  } catch (const c10::Error& e) {
    throw Refusal("libtorch: " + first_line(e.what_without_backtrace()));
  }
  if (getenv("ONNXPORT_SCRIPT_DEBUG")) fmt::print(stderr, "no meta: {}: {}\n", schema.name(), why);
  for (c10::IValue& v : before) make_meta(v);
  return before;
}

// Whether the result is larger than what is computed while reading: found without computing it.
bool Evaluator::is_large(Call& call, const c10::FunctionSchema& schema) {
  auto large = [](const at::Tensor& t) { return t.defined() && t.numel() > kMaxKnown; };
  for (size_t w = 0; w < count_; ++w) {
    try {
      for (const c10::IValue& v : run_one(call, schema, w, /*meta=*/true)) {
        if (v.isTensor() && large(v.toTensor())) return true;
        if (!v.isTensorList()) continue;
        const auto tensors = v.toTensorVector();
        if (std::any_of(tensors.begin(), tensors.end(), large)) return true;
      }
    } catch (const Refusal&) {
      return false;  // the run itself says why
    } catch (const c10::Error&) {
      return false;
    }
  }
  return false;
}

Evaluator::Ran Evaluator::run_samples(Call& call, const c10::FunctionSchema& schema) {
  Ran ran;
  ran.known = !is_random(schema);
  for (const Ref& value : call.in) {
    if (value->data) ran.known = false;
    for_each_tensor(value, [&](const Ref& t) { ran.known = ran.known && is_known(t); });
  }
  if (block_depth_ > 0 && schema.is_mutable()) ran.known = false;
  if (ran.known && is_large(call, schema)) ran.known = false;
  for (size_t w = 0; w < count_; ++w) {
    try {
      ran.results.push_back(run_one(call, schema, w, !ran.known));
    } catch (const Refusal& refusal) {
      if (count_ > 1) throw FixedSize(refusal.message);
      throw;
    } catch (const c10::Error& e) {
      std::string why = "libtorch: " + first_line(e.what_without_backtrace());
      if (count_ > 1) throw FixedSize(why);
      throw Refusal(why);
    }
  }
  // What was made from examples of data-dependent numbers is not data.
  for (Stack& stack : ran.results) {
    if (ran.known) break;
    for (c10::IValue& v : stack) make_meta(v);
  }
  return ran;
}

// --- recording ----------------------------------------------------------------------------------

aten::Arg Evaluator::arg_of(Call& call, const Ref& value, const c10::TypePtr& type) {
  using c10::TypeKind;
  if (value->is_none()) return {};
  if (type->kind() == TypeKind::OptionalType) return arg_of(call, value, type->containedType(0));
  if (value->is_tensor()) return value_id(value);
  if (value->is_list() || value->kind == Value::Kind::kTuple) {
    aten::ArgList out;
    c10::TypePtr element =
        type->containedTypes().empty() ? c10::TypePtr(c10::AnyType::get()) : type->containedType(0);
    if (value->stacked)
      throw Refusal("a list that a loop fills can only be stacked or concatenated");
    for (const Ref& item : value->items) out.push_back(arg_of(call, item, element));
    return out;
  }
  if (value->is_number()) {
    if (type->kind() == TypeKind::ListType) return arg_of(call, value, type->containedType(0));
    if (value->is_int() && type->kind() != TypeKind::FloatType) {
      auto code = [&](const char* what) { return constant_int(value, what); };
      switch (type->kind()) {
        case TypeKind::ScalarTypeType: {
          auto dtype = dtype_of(static_cast<at::ScalarType>(code("a dtype")));
          if (!dtype.ok()) throw Refusal(dtype.error().str());
          return *dtype;
        }
        case TypeKind::LayoutType:
          return aten::Word{aten::Word::Kind::kLayout,
                            code("a layout") == 0 ? "strided" : "sparse"};
        case TypeKind::MemoryFormatType: {
          static const char* const kNames[] = {"contiguous_format", "preserve_format",
                                               "channels_last", "channels_last_3d"};
          int64_t format = code("a memory format");
          return aten::Word{aten::Word::Kind::kMemoryFormat,
                            kNames[std::clamp<int64_t>(format, 0, 3)]};
        }
        default:
          break;
      }
      auto expr = expr_of(value);
      if (expr) return *expr;
      if (value->data) return scalar_id(call, value);
      throw FixedSize("a size has no formula that holds for every size of the input");
    }
    if (value->data) return scalar_id(call, value);
    if (!same_everywhere(*value)) {
      if (value->ratio && value->ratio->bottom == 1) return value->ratio->top;  // float(size)
      return scalar_id(call, value);
    }
    if (value->is_bool()) return value->at[0].toBool();
    return value->at[0].isInt() ? static_cast<double>(value->at[0].toInt())
                                : value->at[0].toDouble();
  }
  const c10::IValue& v = value->at[0];
  if (v.isString()) return v.toStringRef();
  if (v.isDevice()) return aten::Word{aten::Word::Kind::kDevice, "cpu"};
  if (v.isGenerator()) return {};
  throw Refusal("has an argument of type " + v.tagKind() + ", which is not supported");
}

aten::Node Evaluator::node_of(Call& call, const c10::FunctionSchema& schema) {
  aten::Node node;
  node.op = schema.name();
  node.overload = schema.overload_name();
  for (size_t i = 0; i < call.in.size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    // What is left at its default is not spelled out, as in a .pt2.
    const auto& otherwise = argument.default_value();
    if (otherwise && call.in[i]->is_none() && otherwise->isNone()) continue;
    auto arg = arg_of(call, call.in[i], argument.real_type());
    node.args.push_back({argument.name(), std::move(arg)});
  }
  set_location(node, call);
  return node;
}

Ref Evaluator::new_tensor(Call& call, std::vector<at::Tensor> tensors, Shape dims,
                          const std::string& stem) {
  (void)call;
  aten::Value entry;
  auto dtype = dtype_of(tensors[0].scalar_type());
  if (!dtype.ok()) throw Refusal(dtype.error().str());
  entry.dtype = *dtype;
  entry.shape = dims;
  const bool contiguous = std::all_of(tensors.begin(), tensors.end(),
                                      [](const at::Tensor& t) { return t.is_contiguous(); });
  Shape strides(dims.size());
  if (contiguous) {
    Expr step(1);
    for (size_t i = dims.size(); i-- > 0;) {
      strides[i] = step;
      step *= dims[i];
    }
    entry.strides = std::move(strides);
  } else {
    bool all = true;
    for (size_t i = 0; i < dims.size() && all; ++i) {
      std::vector<int64_t> at;
      for (const at::Tensor& t : tensors) at.push_back(t.stride(static_cast<int64_t>(i)));
      auto found = fit(at);
      all = found.has_value();
      if (all) strides[i] = *found;
    }
    if (all) entry.strides = std::move(strides);
  }
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kTensor;
  value->tensors = std::move(tensors);
  value->dims = std::move(dims);
  value->id = new_value(std::move(entry), stem);
  return value;
}

Ref Evaluator::input_tensor(const std::string& name, const std::vector<at::Tensor>& tensors,
                            Shape dims) {
  std::string stem = name;
  std::replace(stem.begin(), stem.end(), '.', '_');
  Call nowhere{};
  Ref value = new_tensor(nowhere, tensors, std::move(dims), stem);
  program_.inputs.push_back({value->id, name});
  return value;
}

Ref Evaluator::tensor_output(Call& call, std::vector<at::Tensor> tensors, bool known, bool literal,
                             aten::Node* node) {
  Shape dims = fit_shape(call, tensors);
  for (at::Tensor& t : tensors) {
    if (known && t.numel() > kMaxKnown) t = meta_of(t);
  }
  if (node != nullptr) {
    Ref value = new_tensor(call, std::move(tensors), std::move(dims), stem_of(node->op));
    node->outputs.push_back(value->id);
    return value;
  }
  auto value = std::make_shared<Value>();
  value->kind = Value::Kind::kTensor;
  value->tensors = std::move(tensors);
  value->dims = std::move(dims);
  value->literal = literal;
  return value;
}

void Evaluator::outputs_of(Call& call, const c10::FunctionSchema& schema, Ran ran,
                           aten::Node* node) {
  const size_t count = schema.returns().size();
  for (const Stack& stack : ran.results) {
    if (stack.size() != count) throw Refusal("gives another number of results");
  }
  const bool literal = node == nullptr;
  for (size_t i = 0; i < count; ++i) {
    const c10::IValue& first = ran.results[0][i];
    if (first.isTensor()) {
      std::vector<at::Tensor> tensors;
      bool defined = true;
      for (const Stack& stack : ran.results) {
        tensors.push_back(stack[i].toTensor());
        defined = defined && tensors.back().defined();
      }
      if (!defined) {
        if (node != nullptr) node->outputs.emplace_back();
        call.out.push_back(none());
        continue;
      }
      call.out.push_back(tensor_output(call, std::move(tensors), ran.known, literal, node));
    } else if (first.isTensorList()) {
      std::vector<std::vector<at::Tensor>> columns;
      for (const Stack& stack : ran.results) {
        auto tensors = stack[i].toTensorVector();
        if (columns.empty()) columns.resize(tensors.size());
        if (columns.size() != tensors.size()) {
          throw FixedSize("gives a number of tensors that depends on a size");
        }
        for (size_t t = 0; t < tensors.size(); ++t) columns[t].push_back(tensors[t]);
      }
      std::vector<Ref> items;
      for (auto& column : columns) {
        items.push_back(tensor_output(call, std::move(column), ran.known, literal, node));
      }
      call.out.push_back(list(c10::TensorType::get(), std::move(items)));
    } else {
      std::vector<c10::IValue> at;
      for (const Stack& stack : ran.results) at.push_back(stack[i]);
      if (node != nullptr) node->outputs.emplace_back();
      call.out.push_back(from_samples(at, schema.returns()[i].type()));
    }
  }
}

// The formula of a 0-D int tensor that stands for a size.
std::optional<Expr> Evaluator::element_formula(const Call& call) {
  std::vector<Expr> in;
  std::string name = call.name;
  if (name.ends_with("_")) name.pop_back();
  for (size_t i = 0; i < call.in.size() && i < 2; ++i) {
    const Ref& value = call.in[i];
    auto expr = value->is_tensor() ? value->expr : expr_of(value);
    if (!expr) return std::nullopt;
    in.push_back(*expr);
  }
  if (name == "aten::rsub" && in.size() == 2) std::swap(in[0], in[1]), name = "aten::sub";
  if (name == "aten::to" || name == "aten::clone" || name == "aten::detach" ||
      name == "aten::contiguous" || name == "aten::_to_copy") {
    return in.empty() ? std::nullopt : std::optional<Expr>(in[0]);
  }
  if (name == "aten::div") {
    const Ref& mode = call.in.back();
    if (mode->kind != Value::Kind::kPlain || mode->is_none() || !mode->at[0].isString()) {
      return std::nullopt;
    }
    name = "aten::floordiv";
  }
  return formula(name, in);
}

// An input that serves as index is one of integers.
void Evaluator::check_indices(const Call& call) {
  if (call.name != "aten::embedding" && call.name != "aten::embedding_bag") return;
  const Ref& indices = call.in[1];
  if (!indices->is_tensor() || !at::isFloatingType(sample_tensor(indices, 0, true).scalar_type())) {
    return;
  }
  for (const aten::Input& input : program_.inputs) {
    if (input.value == indices->id) {
      throw WrongType("input `" + input.name + "` must be of integers", input.name);
    }
  }
}

void Evaluator::tensor_call(Call& call) {
  const c10::FunctionSchema& schema = call.node->schema();
  const auto& arguments = schema.arguments();
  if (call.in.size() != arguments.size()) throw Refusal("has another number of arguments");
  bool aliases = false;
  for (const auto& returned : schema.returns()) aliases |= returned.alias_info() != nullptr;
  bool literal = !aliases && !schema.is_mutable();
  for (const Ref& value : call.in) {
    literal = literal && !value->data;
    if (value->is_number()) literal = literal && same_everywhere(*value);
    if (value->is_list()) {
      for (const Ref& item : value->items) {
        if (item->is_number()) literal = literal && same_everywhere(*item) && !item->data;
      }
    }
    for_each_tensor(value, [&](const Ref& t) { literal = literal && t->literal && is_known(t); });
  }
  check_indices(call);
  // What the code makes and then changes is no constant of the program.
  if (aliases || schema.is_mutable()) {
    for (const Ref& value : call.in) {
      if (!value->is_tensor() || !value->literal || value->id.valid() || !value->fqn.empty())
        continue;
      auto copy = std::make_shared<Value>(*value);
      copy->stored = value->stored.defined() ? value->stored : value->tensors[0].clone();
      copy->tensors.clear();
      value->id = record(call, "aten::clone", "", {{"self", copy}})[0]->id;
    }
  }
  // What is changed, and all that is read, gets its name before the change.
  std::optional<aten::Node> node;
  Ran ran;
  if (literal) {
    ran = run_samples(call, schema);
    literal = ran.known;
    for (const Stack& stack : ran.results) {
      for (const c10::IValue& v : stack) {
        if (v.isTensor() && v.toTensor().numel() > kMaxKnown) literal = false;
      }
    }
  }
  if (!literal) {
    node = node_of(call, schema);
    if (ran.results.empty()) ran = run_samples(call, schema);
  }
  std::optional<Expr> element = element_formula(call);
  const bool known = ran.known;
  outputs_of(call, schema, std::move(ran), node ? &*node : nullptr);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!is_write(arguments[i])) continue;
    for_each_tensor(call.in[i], [&](const Ref& t) {
      if (!known) taint(t);
      for (const at::Tensor& w : t->tensors) ++writes_[w.storage().unsafeGetStorageImpl()];
      t->expr.reset();
      if (t->literal) t->literal = known && block_depth_ == 0;
    });
  }
  if (node) {
    if (call.out.empty() && !node->args.empty() && call.in[0]->is_tensor()) {
      // Nothing is returned: the changed tensor has a name all the same.
      Ref changed = new_tensor(call, call.in[0]->tensors, call.in[0]->dims, stem_of(node->op));
      node->outputs.push_back(changed->id);
    }
    nodes_->push_back(std::move(*node));
  }
  for (const Ref& out : call.out) {
    if (!element || !out->is_tensor() || !out->dims.empty()) continue;
    bool all = is_known(out);
    for (size_t w = 0; all && w < count_; ++w) {
      auto v = element->eval(symbols_[w]);
      all = at::isIntegralType(out->tensors[w].scalar_type(), false) && v &&
            out->tensors[w].item().toLong() == *v;
    }
    if (all) out->expr = element;
  }
}

std::vector<Ref> Evaluator::record(Call& at, const std::string& op, const std::string& overload,
                                   const std::vector<std::pair<std::string, Ref>>& args) {
  auto handle = c10::Dispatcher::singleton().findSchema({op, overload});
  if (!handle) throw Refusal("libtorch has no operator " + op + "." + overload);
  const c10::FunctionSchema& schema = handle->schema();
  Call call{at.node, at.frame, op, {}, {}};
  std::vector<bool> given;
  for (const c10::Argument& argument : schema.arguments()) {
    auto found = std::find_if(args.begin(), args.end(),
                              [&](const auto& arg) { return arg.first == argument.name(); });
    given.push_back(found != args.end());
    if (found != args.end()) {
      call.in.push_back(found->second);
    } else if (argument.default_value()) {
      call.in.push_back(stored(*argument.default_value(), ""));
    } else {
      throw Refusal(op + " needs an argument `" + argument.name() + "`");
    }
  }
  if (has_data_size(call)) return call.out;
  aten::Node node = node_of(call, schema);
  std::erase_if(node.args, [&](const aten::NamedArg& named) {
    auto index = schema.argumentIndexWithName(named.name);
    return index && !given[static_cast<size_t>(*index)];
  });
  Ran ran = run_samples(call, schema);
  std::optional<Expr> element = element_formula(call);
  outputs_of(call, schema, std::move(ran), &node);
  nodes_->push_back(std::move(node));
  if (element && call.out.size() == 1 && call.out[0]->is_tensor() && call.out[0]->dims.empty()) {
    call.out[0]->expr = element;
  }
  return call.out;
}

}  // namespace onnxport::torchscript
