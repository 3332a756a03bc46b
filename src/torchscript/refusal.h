// Why the code of a model cannot be read. Thrown and caught inside torchscript; never leaves it.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace onnxport::torchscript {

struct Refusal : std::exception {
  explicit Refusal(std::string why, std::string where = "")
      : message(std::move(why)), location(std::move(where)) {}
  const char* what() const noexcept override { return message.c_str(); }
  std::string message;
  std::string location;  // source line, module; filled in by the innermost call
};

// The code takes another way, or fails, when a dynamic size changes: it can be read for one size.
struct FixedSize : Refusal {
  using Refusal::Refusal;
};

// An input has another type than was assumed: indices are integers.
struct WrongType : Refusal {
  WrongType(std::string why, std::string name) : Refusal(std::move(why)), input(std::move(name)) {}
  std::string input;
};

}  // namespace onnxport::torchscript
