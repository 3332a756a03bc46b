#include "torchscript/plain_calls.h"

#include <fmt/format.h>

#include <algorithm>

#include "torchscript/arithmetic.h"
#include "torchscript/numbers.h"
#include "torchscript/provenance.h"
#include "torchscript/tensor_calls.h"

namespace onnxport::torchscript {
namespace {

// Each result, by sample.
std::vector<std::vector<c10::IValue>> run_everywhere(Evaluator& e, const Call& call) {
  std::vector<std::vector<c10::IValue>> results(call.output_count());
  for (size_t s = 0; s < kSamples; ++s) {
    Stack stack;
    for (const Ref& value : call.in) stack.push_back(e.data().ivalue(value, s, true));
    call.run(stack);
    if (stack.size() != results.size()) throw Refusal("gives another number of results");
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(stack[i]));
  }
  return results;
}

// The formulas of the ints among the arguments.
std::vector<Expr> exprs_of(Evaluator& e, const Call& call) {
  std::vector<Expr> out;
  for (const Ref& value : call.in) {
    if (auto expr = expr_of(e, value)) out.push_back(*expr);
  }
  return out;
}

// For what is the same in every sample although an argument depends on the data.
bool decide_now(Evaluator& e, Call& call) {
  call.out = {from_samples(run_everywhere(e, call).at(0), call.output_type())};
  return true;
}

// A comparison of sizes that depend on the data: is there anything at all? The file is made for the
// case that there is.
bool compare_sizes(Evaluator& e, Call& call, const std::vector<Expr>& exprs) {
  const Expr difference = exprs[0] - exprs[1];
  if (difference.is_const()) return decide_now(e, call);
  const bool edge = exprs[1].is_const() && exprs[1].value() >= 0 && exprs[1].value() <= 1;
  const std::vector<std::string> symbols = difference.symbols();
  const bool sizes = std::all_of(symbols.begin(), symbols.end(),
                                 [](const std::string& symbol) { return symbol[0] != 'u'; });
  if (!edge || !sizes) return false;
  e.recorder().note(fmt::format(
      "where a size depends on the data ({}), the file is made for the case that it is not {}",
      location(call), exprs[1].value()));
  return decide_now(e, call);
}

// Arithmetic on a number that depends on the data: the calls on tensors that do the same. False: it
// does not, or the result has a formula.
bool data_arithmetic(Evaluator& e, Call& call) {
  const bool data = std::any_of(call.in.begin(), call.in.end(),
                                [](const Ref& value) { return value->is_data(); });
  if (!data) return false;
  const std::vector<Expr> exprs = exprs_of(e, call);
  const bool ints = exprs.size() == call.in.size();
  if (ints && formula(call.name, exprs)) return false;
  if (ints && exprs.size() == 2 && is_comparison(call.name) && compare_sizes(e, call, exprs)) {
    return true;
  }
  if (call.name == "aten::Int" || call.name == "aten::Float" || call.name == "aten::Bool") {
    call.out = {number_in(e, call, as_tensor(e, call, call.in[0]), call.output_type())};
    return true;
  }
  const TensorOp* tensor_op = tensor_op_of(call.name);
  if (tensor_op == nullptr) throw Refusal("works on a number that depends on the data");
  Arguments args = {{tensor_op->first, as_tensor(e, call, call.in[0])}};
  if (call.in.size() > 1) args.emplace_back(tensor_op->second, as_tensor(e, call, call.in[1]));
  Ref out = record(e, call, tensor_op->op, tensor_op->overload, args);
  call.out = {number_in(e, call, out, call.output_type())};
  return true;
}

// The formula of an int that was made of ints.
void find_formula(Evaluator& e, const Call& call, const std::vector<Expr>& exprs, const Ref& out) {
  const bool ints = !call.in.empty() && exprs.size() == call.in.size();
  if (!out->is_int() || !ints) return;
  auto found = formula(call.name, exprs);
  if (found && e.sizes().holds(*found, ints_of(out->number()))) out->number().expr = found;
}

}  // namespace

void plain_call(Evaluator& e, Call& call) {
  if (data_arithmetic(e, call)) return;
  const std::vector<Expr> exprs = exprs_of(e, call);
  const bool data = std::any_of(call.in.begin(), call.in.end(),
                                [](const Ref& value) { return value->is_data(); });
  const auto results = run_everywhere(e, call);
  for (size_t i = 0; i < results.size(); ++i) {
    Ref out = from_samples(results[i], call.output_type(i));
    find_formula(e, call, exprs, out);
    if (data && out->is_number()) {
      Number& number = out->number();
      number.data = !(out->is_int() && number.expr && number.expr->is_const());
    }
    Provenance(e).record_origin(call, out);
    call.out.push_back(std::move(out));
  }
}

}  // namespace onnxport::torchscript
