// A Program as bytes, from one process to another that has the same file mapped.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "aten/program.h"
#include "base/result.h"
#include "base/tensor.h"

namespace onnxport::read {

// Weights that are views of `file` are told by where they are in it; the elements of others are in
// the result.
std::string encode(const aten::Program& program, const Storage& file);

// The bytes may be anything: an error where they are not a Program that aten::validate() takes.
// `file` is what encode() was given, mapped here.
Result<aten::Program> decode(std::string_view bytes, const std::shared_ptr<const Storage>& file);

}  // namespace onnxport::read
