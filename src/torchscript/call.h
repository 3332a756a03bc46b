// One node of the code at hand, and the function that is running. What libtorch's own classes say
// of the node is asked through the methods here, so that builtins need none of their headers.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "aten/program.h"
#include "torchscript/value.h"

namespace torch::jit {
struct Block;
struct Node;
struct Value;
}  // namespace torch::jit
namespace c10 {
struct FunctionSchema;
}

namespace onnxport::torchscript {

using Stack = std::vector<c10::IValue>;

// One running function.
struct Frame {
  std::unordered_map<const torch::jit::Value*, Ref> values;
  std::string function;  // "forward"
  std::string path;      // of the module: "layer1.0"
  std::string type;      // "torchvision.models.resnet.BasicBlock"
  int depth = 0;

  Ref& at(const torch::jit::Value* value);  // a Refusal where it has none yet
};

struct Call {
  torch::jit::Node* node = nullptr;  // null: after the last call
  Frame* frame = nullptr;
  std::string name;  // "aten::append"
  std::vector<Ref> in;
  std::vector<Ref> out;  // to be filled in

  // What the node says.
  size_t output_count() const;
  c10::TypePtr output_type(size_t i = 0) const;
  std::string text(const char* attribute) const;  // "name" of prim::GetAttr
  int64_t integer(const char* attribute) const;
  std::vector<c10::TypePtr> types(const char* attribute) const;
  const torch::jit::Block& block(size_t i) const;
  bool has_schema() const;
  const c10::FunctionSchema& schema() const;
  std::string overload() const;
  // The argument of that name in the schema; a Refusal where there is none.
  const Ref& argument(const char* name) const;
  // Runs the operator, with what is on the stack.
  void run(Stack& stack) const;
};

// The first line of a text, without the spaces around it, and not all of it where it is long.
std::string one_line(std::string text);
// The module that a call belongs to: that whose code is running, or the one below it whose
// parameters it takes. A trace of a C++ module knows of no other modules; in Python too a module
// may use its part's parameters by itself.
std::string module_of(const Call& call);
// "aten::add in module layer1.0 at model.py:42 in forward: x = x + y"
std::string location(const Call& call);
// Module and source line of the node are those of the call.
void set_location(aten::Node& node, const Call& call);

}  // namespace onnxport::torchscript
