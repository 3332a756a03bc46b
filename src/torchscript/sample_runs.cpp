#include "torchscript/sample_runs.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty_strided.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace onnxport::torchscript {
namespace {

// Elements that may be run on for good, where an operator can do no other.
constexpr int64_t kMaxReal = 1 << 26;

bool takes_device(const c10::Type& type) {
  return type.kind() == c10::TypeKind::DeviceObjType ||
         (type.kind() == c10::TypeKind::OptionalType && takes_device(*type.containedType(0)));
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

std::function<void(Stack&)> runner(const c10::FunctionSchema& schema, const Call& call) {
  auto handle = c10::Dispatcher::singleton().findSchema(schema.operator_name());
  if (handle) return [h = *handle](Stack& stack) { h.callBoxed(&stack); };
  if (call.node == nullptr) throw Refusal("libtorch has no operator " + schema.name());
  return [&call](Stack& stack) { call.run(stack); };
}

bool is_random(const c10::FunctionSchema& schema) {
  auto handle = c10::Dispatcher::singleton().findSchema(schema.operator_name());
  return handle && handle->hasTag(at::Tag::nondeterministic_seeded);
}

Stack arguments(Evaluator& e, Call& call, const c10::FunctionSchema& schema, size_t sample,
                bool meta) {
  // What makes a tensor from nothing makes it on the CPU when no device is given.
  bool from_nothing = true;
  for (const Ref& value : call.in) {
    for_each_tensor(value, [&](const Ref&) { from_nothing = false; });
  }
  Stack stack;
  for (size_t i = 0; i < call.in.size(); ++i) {
    c10::IValue v = e.data().ivalue(call.in[i], sample, meta);
    if (meta && (v.isDevice() || (v.isNone() && from_nothing)) &&
        takes_device(*schema.arguments()[i].type())) {
      v = c10::Device(c10::kMeta);
    }
    stack.push_back(std::move(v));
  }
  return stack;
}

Stack run_one(Evaluator& e, Call& call, const c10::FunctionSchema& schema, size_t sample,
              bool meta) {
  Stack stack = arguments(e, call, schema, sample, meta);
  auto run = runner(schema, call);
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
  } catch (const c10::Error& error) {
    why = first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    why = first_line(error.what());
  }
  int64_t budget = kMaxReal;
  for (c10::IValue& v : before) {
    if (!make_real(v, budget)) throw Refusal("libtorch: " + why);
  }
  try {
    run(before);
  } catch (const c10::Error& error) {
    throw Refusal("libtorch: " + first_line(error.what_without_backtrace()));
  }
  if (getenv("ONNXPORT_SCRIPT_DEBUG")) fmt::print(stderr, "no meta: {}: {}\n", schema.name(), why);
  for (c10::IValue& v : before) make_meta(v);
  return before;
}

// Whether the result is larger than what is computed while reading: found without computing it.
bool is_large(Evaluator& e, Call& call, const c10::FunctionSchema& schema) {
  auto large = [](const at::Tensor& t) { return t.defined() && t.numel() > kMaxKnown; };
  for (size_t s = 0; s < kSamples; ++s) {
    try {
      for (const c10::IValue& v : run_one(e, call, schema, s, /*meta=*/true)) {
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

}  // namespace

Ran run_samples(Evaluator& e, Call& call, const c10::FunctionSchema& schema) {
  Ran ran;
  ran.known = !is_random(schema);
  for (const Ref& value : call.in) {
    if (value->is_data()) ran.known = false;
    for_each_tensor(value, [&](const Ref& t) { ran.known = ran.known && e.data().is_known(t); });
  }
  if (e.recorder().depth() > 0 && schema.is_mutable()) ran.known = false;
  if (ran.known && is_large(e, call, schema)) ran.known = false;
  for (size_t s = 0; s < kSamples; ++s) {
    try {
      ran.results.push_back(run_one(e, call, schema, s, !ran.known));
    } catch (const Refusal& refusal) {
      throw FixedSize(refusal.message);
    } catch (const c10::Error& error) {
      throw FixedSize("libtorch: " + first_line(error.what_without_backtrace()));
    }
  }
  // What was made from examples of data-dependent numbers is not data.
  for (Stack& stack : ran.results) {
    if (ran.known) break;
    for (c10::IValue& v : stack) make_meta(v);
  }
  return ran;
}

}  // namespace onnxport::torchscript
