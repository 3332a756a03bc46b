// Reads TorchScript by running it, with numbers where numbers are known and a record of calls where
// they are not: a partial evaluator.
//
// The code is run in several shape samples at once, which differ in the dynamic sizes (batch 2, 3,
// 5, 7). In every sample Python's values are real (ints, strings, lists with their identity,
// modules), and tensors are on the meta device: shapes, strides and types without data. Tensors
// that are made of constants and sizes alone are computed for good, so that arithmetic on sizes
// that a tracer wrote as tensors is followed as well. Each call on tensors is recorded as a node;
// an int carries its formula (Expr) along, checked against all samples, and a result's sizes get
// theirs from the arguments'.
//
// A branch is taken when all samples agree. One that depends on data becomes a prim::If of the
// program, a loop whose end depends on data a prim::Loop. When the samples disagree the code is not
// the same for every size (FixedSize).
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/stack.h>
#include <torch/csrc/jit/ir/ir.h>
#undef CHECK  // c10's; ours follows

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "aten/program.h"
#include "torchscript/value.h"

namespace onnxport::torchscript {

using torch::jit::Stack;

// One running function.
struct Frame {
  std::unordered_map<const torch::jit::Value*, Ref> values;
  std::string function;  // "forward"
  std::string path;      // of the module: "layer1.0"
  std::string type;      // "torchvision.models.resnet.BasicBlock"
  int depth = 0;
};

// One node at hand.
struct Call {
  torch::jit::Node* node;
  Frame* frame;
  std::string name;  // "aten::append"
  std::vector<Ref> in;
  std::vector<Ref> out;  // to be filled in
};

// Arithmetic of Python on numbers, as the call on tensors that does the same.
struct TensorOp {
  const char* op;
  const char* overload;
  const char* first = "self";
  const char* second = "other";
};
const TensorOp* tensor_op_of(std::string_view op);  // null: there is none

class Evaluator {
 public:
  explicit Evaluator(size_t samples) : count_(samples), symbols_(samples) {}

  using Handler = bool (Evaluator::*)(Call&);  // false: not for me
  using Handlers = std::unordered_map<std::string_view, Handler>;

  // --- the walk (script_reader.cpp)
  std::vector<Ref> run_graph(const torch::jit::Graph& graph, std::vector<Ref> args, Frame frame);
  std::vector<Ref> call_method(const Ref& self, const std::string& method, std::vector<Ref> args,
                               int depth);
  aten::Program& program() { return program_; }
  size_t samples() const { return count_; }
  void note(std::string text);

  // --- values (script_cell.cpp)
  Ref none();
  Ref plain(const c10::IValue& value);  // the same in all samples; numbers too
  Ref number(std::vector<c10::IValue> at, std::optional<Expr> expr = {});
  Ref size_number(const Expr& expr);  // an int by its formula
  Ref list(const c10::TypePtr& element, std::vector<Ref> items);
  Ref tuple(std::vector<Ref> items);
  Ref stored(const c10::IValue& value, const std::string& path);  // from the archive
  Ref attribute(const Ref& object, const std::string& name);
  c10::IValue ivalue(const Ref& value, size_t sample, bool meta);
  Ref from_samples(const std::vector<c10::IValue>& at, const c10::TypePtr& type);
  c10::TypePtr type_of(const Ref& value);
  std::optional<Expr> expr_of(const Ref& value);  // of an int; fitted where no rule gave it
  int64_t constant_int(const Ref& value, const char* what);

  // The attributes of the archive's modules that the code has set, in order.
  const std::vector<std::pair<Ref, std::string>>& changed() const { return changed_; }
  // The module at this path.
  Ref module_at(const Ref& root, const std::string& path);

  // --- sizes (script_sizes.cpp)
  void add_symbol(const std::string& name, const std::vector<int64_t>& values);
  // A size that nothing is known of: a new symbol. prefix: "s", or "n" for one that only the data
  // tells, "u" for a number that the data holds.
  Expr fresh_symbol(const std::vector<int64_t>& values, const char* prefix);
  std::optional<Expr> fit(const std::vector<int64_t>& values) const;
  bool holds(const Expr& expr, const std::vector<int64_t>& values) const;
  std::vector<int64_t> values_of(const Expr& expr) const;
  std::optional<size_t> cut_dim(const Call& call, size_t rank) const;
  Expr cut_size(const Call& call, size_t dim, const std::vector<at::Tensor>& tensors);
  static std::vector<std::optional<Expr>> window_dims(const Call& call);
  Shape fit_shape(const Call& call, const std::vector<at::Tensor>& tensors);
  std::vector<int64_t> hints();
  std::vector<int64_t> small_hints(int64_t least);
  bool is_unbacked(const Expr& expr) const;

  // --- tensors (script_tensors.cpp)
  bool is_known(const Ref& tensor);  // its data is at hand in every sample
  at::Tensor sample_tensor(const Ref& value, size_t sample, bool meta);
  aten::ValueId value_id(const Ref& tensor);
  void tensor_call(Call& call);
  // Records `op` on these values and gives its tensor result(s).
  std::vector<Ref> record(Call& at, const std::string& op, const std::string& overload,
                          const std::vector<std::pair<std::string, Ref>>& args);
  Ref new_tensor(Call& at, std::vector<at::Tensor> tensors, Shape dims, const std::string& stem);
  aten::ValueId new_value(aten::Value value, const std::string& stem);
  void record_number_output(const Ref& number, const std::string& name);
  Ref input_tensor(const std::string& name, const std::vector<at::Tensor>& tensors, Shape dims);
  Ref to_type(Call& at, const Ref& tensor, at::ScalarType type);
  Ref snapshot(Call& at, const Ref& tensor, at::ScalarType type);
  Ref known_number(Call& at, const Ref& tensor, const c10::TypePtr& type);
  // A number that what `tensor` holds tells.
  Ref data_number(Call& at, const Ref& tensor, const c10::TypePtr& type);
  // 0-D; a float that is not tied to a tensor's type becomes one of `floats`.
  Ref as_tensor(Call& at, const Ref& number, at::ScalarType floats = at::kFloat);
  aten::ValueId scalar_id(Call& at, const Ref& number);  // of one that depends on the data

  // --- numbers that follow from sizes (script_origin.cpp)
  void record_origin(Call& call, const Ref& out);
  std::optional<Ratio> ratio_of_number(const Ref& value);
  Ref recompute(Call& at, const Ref& number);
  void name_size(Call& at, const Ref& number);
  void record_item(Call& at, const Ref& tensor, const Ref& number);

  // --- control flow (script_control.cpp)
  bool branch(Call& call);
  bool loop(Call& call);

 private:
  // A loop that stays one, while its body is recorded.
  struct Trip {
    int64_t start = 0;         // trips that were unrolled before
    std::vector<Ref> initial;  // what is carried, before the first trip
    std::vector<bool> moves;   // it may change from trip to trip
    std::vector<Ref> tensors;  // those that move, as tensors
    std::vector<Shape> dims;   // their sizes in every trip
    std::vector<Ref> results;  // those that move, after the trip
    Ref condition;
    aten::Block block;
  };
  void check_indices(const Call& call);
  bool collect(Call& call);
  bool has_data_size(Call& call);
  Expr count_of(const Ref& mask);
  // script_vision.cpp. False: the function is to be followed.
  bool vision_function(Call& call, const std::string& name, const std::vector<Ref>& args);
  Ref paste_masks(Call& call, const std::vector<Ref>& args);
  std::vector<Ref> batched_nms(Call& call, const std::vector<Ref>& args);
  bool branch_on_data(Call& call);
  Ref merge(Call& call, aten::Node& node, const Ref& a, const Ref& b, int depth);
  Ref meta_like(Call& call, const at::Tensor& like, const Shape& dims, const char* stem);
  bool trace_body(Call& call, Trip& trip);
  bool loop_on_data(Call& call, std::vector<Ref> carried, const Ref& condition, int64_t start);
  aten::Arg trip_limit(Call& call, int64_t start);
  void finish_loop(Call& call, aten::Node& node, Trip& trip,
                   const std::vector<std::pair<Ref, Ref>>& collected);

  void run_block(const torch::jit::Block& block, Frame& frame);
  void run_node(torch::jit::Node* node, Frame& frame);
  void dispatch(Call& call);
  void plain_call(Call& call);
  bool data_arithmetic(Call& call);
  void plain_call_unchecked(Call& call);
  static std::string module_of(const Call& call);
  std::string location(const Call& call) const;
  std::string source(const torch::jit::Node* node, const Frame& frame) const;
  Ref& lookup(const torch::jit::Value* value, Frame& frame);
  void set_location(aten::Node& node, const Call& call) const;

  // script_tensors.cpp
  Ref number_from_tensor(Call& call, const c10::TypePtr& type);
  Ref build_tensor(Call& call, const Ref& data, const Ref& dtype);
  bool all_known(const Call& call);
  struct Ran {
    std::vector<Stack> results;  // by sample
    bool known = false;
  };
  Ran run_samples(Call& call, const c10::FunctionSchema& schema);
  bool is_large(Call& call, const c10::FunctionSchema& schema);
  Stack run_one(Call& call, const c10::FunctionSchema& schema, size_t sample, bool meta);
  void taint(const Ref& tensor);
  size_t writes_to(const Ref& tensor) const;
  aten::Arg arg_of(Call& call, const Ref& value, const c10::TypePtr& type);
  aten::Node node_of(Call& call, const c10::FunctionSchema& schema);
  void outputs_of(Call& call, const c10::FunctionSchema& schema, Ran ran, aten::Node* node);
  // A result whose sizes are these; the formula's symbols may be new.
  Ref sized_by_data(Call& call, aten::Node& node, const Shape& dims, at::ScalarType type);
  Ref tensor_output(Call& call, std::vector<at::Tensor> tensors, bool known, bool literal,
                    aten::Node* node);
  std::optional<Expr> element_formula(const Call& call);

  // handlers, by family
  friend const Handlers& structure_handlers();
  friend const Handlers& container_handlers();
  friend const Handlers& number_handlers();
  friend const Handlers& special_handlers();
  bool constant(Call& call);
  bool get_attr(Call& call);
  bool set_attr(Call& call);
  bool call_method_node(Call& call);
  bool call_function(Call& call);
  bool create_object(Call& call);
  bool pass_through(Call& call);
  bool unwrap(Call& call);
  bool uninitialized(Call& call);
  bool raise(Call& call);
  bool is_instance(Call& call);
  bool is_same(Call& call);
  bool is_not_same(Call& call);
  bool ignore(Call& call);
  bool device_of(Call& call);
  bool type_is_false(Call& call);
  bool type_is_true(Call& call);
  bool list_construct(Call& call);
  bool tuple_construct(Call& call);
  bool dict_construct(Call& call);
  bool list_unpack(Call& call);
  bool tuple_unpack(Call& call);
  bool tuple_index(Call& call);
  bool tuple_slice(Call& call);
  bool append(Call& call);
  bool extend(Call& call);
  bool insert(Call& call);
  bool pop(Call& call);
  bool clear(Call& call);
  bool get_item(Call& call);
  bool set_item(Call& call);
  bool length(Call& call);
  bool to_list(Call& call);
  bool list_add(Call& call);
  bool list_mul(Call& call);
  bool list_slice(Call& call);
  bool list_copy(Call& call);
  bool reverse(Call& call);
  bool remove_item(Call& call);
  bool contains(Call& call);
  bool dict_get(Call& call);
  bool dict_keys(Call& call);
  bool dict_values(Call& call);
  bool dict_items(Call& call);
  bool dict_update(Call& call);
  bool dict_pop(Call& call);
  bool dict_setdefault(Call& call);
  bool container_eq(Call& call);
  bool size_of(Call& call);
  bool dim_of(Call& call);
  bool numel_of(Call& call);
  bool item(Call& call);
  bool to_int(Call& call);
  bool to_float(Call& call);
  bool to_bool(Call& call);
  bool num_to_tensor(Call& call);
  bool make_tensor(Call& call);
  bool tensor_to_list(Call& call);
  bool tensor_equal(Call& call);
  bool index_by_mask(Call& call);
  bool nonzero(Call& call);
  bool unique(Call& call);
  bool masked_select(Call& call);
  bool fused_attention(Call& call);
  bool fused_encoder(Call& call);
  bool nms(Call& call);
  bool repeat_interleave(Call& call);
  bool where_one(Call& call);
  bool device_to(Call& call);
  bool join_stacked(Call& call);
  bool scalar_overload(Call& call);

  size_t count_;
  std::vector<std::map<std::string, int64_t>> symbols_;  // by sample
  std::unordered_set<std::string> unbacked_;             // symbols whose size depends on data
  aten::Program program_;
  std::vector<aten::Node>* nodes_ = &program_.nodes;       // of the block at hand
  int block_depth_ = 0;                                    // > 0: inside a prim::If or Loop
  std::vector<std::pair<Ref, Ref>>* collected_ = nullptr;  // lists that the loop at hand fills
  size_t steps_ = 0;
  int64_t next_hint_ = 0;
  std::unordered_map<std::string, int> stems_;
  std::unordered_set<std::string> names_;
  std::unordered_map<const void*, Ref> known_objects_;  // objects and tensors of the archive
  std::unordered_set<const void*> tainted_;             // storages whose data is not known any more
  std::unordered_map<const void*, size_t> writes_;      // to a storage
  std::vector<at::Tensor> kept_;                        // alive as long as their address is a key
  std::unordered_set<std::string> notes_;
  std::vector<std::pair<Ref, std::string>> changed_;
};

const Evaluator::Handlers& structure_handlers();
const Evaluator::Handlers& container_handlers();
const Evaluator::Handlers& number_handlers();
const Evaluator::Handlers& special_handlers();

// The formula of an operation on ints; nullopt where there is none.
std::optional<Expr> formula(std::string_view op, const std::vector<Expr>& in);
// libtorch has no meta kernel for some operators: the sizes of their results. False: not known.
bool shapes_of(const std::string& op, Stack& stack);

}  // namespace onnxport::torchscript
