// forward()'s parameters as values, and the tensors among them as the program's inputs.
#pragma once

#include <ATen/core/function_schema.h>
#undef CHECK  // c10's; ours follows

#include <map>
#include <set>
#include <string>
#include <vector>

#include "libtorch/plugin.h"
#include "torchscript/evaluator.h"

namespace onnxport::torchscript {

class Inputs {
 public:
  // `types`: of inputs that are found not to be float32. Not dynamic: every size is fixed.
  Inputs(Evaluator& evaluator, const libtorch::ScriptOptions& options, bool dynamic,
         const std::map<std::string, at::ScalarType>& types)
      : e_(evaluator), options_(options), dynamic_(dynamic), types_(types) {}

  // The values of all parameters but self.
  std::vector<Ref> read(const c10::FunctionSchema& schema);

 private:
  void refuse_unknown(const std::string& name, const char* what,
                      const c10::FunctionSchema& schema) const;
  Ref parameter(const c10::Argument& argument);
  Ref typed(const c10::TypePtr& type, const std::string& name);
  Ref tensor(const std::string& name, const std::vector<int64_t>& otherwise);
  std::vector<int64_t> sizes_of(const std::string& name, const std::vector<int64_t>& otherwise);
  at::ScalarType type_of_input(const std::string& name);
  std::string symbol_of(const std::string& name, int axis, int64_t example);

  Evaluator& e_;
  const libtorch::ScriptOptions& options_;
  bool dynamic_;
  const std::map<std::string, at::ScalarType>& types_;
  bool only_ = false;     // there is one tensor: "input" is that one too
  bool in_list_ = false;  // a list's elements
  size_t next_ = 0;       // of options_.sizes
  int64_t first_batch_ = 0;
  std::set<std::string> symbols_;
  std::set<std::string> taken_;  // names that something was given for, and that there are
};

}  // namespace onnxport::torchscript
