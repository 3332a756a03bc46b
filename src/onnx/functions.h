// A model's own functions, counted before anybody expands them: the checker's inference follows
// every call, and runtimes put the body in place of every call. Forty functions that call each
// other twice are 2^40 nodes.
#pragma once

#include <onnx/onnx_pb.h>

#include "base/result.h"

namespace onnxport::onnx {

struct FunctionLimits {
  uint64_t max_nodes = 1'000'000;  // of the main graph's calls, expanded
  int max_depth = 100;             // of calls within calls: who follows them recurses
};

// The error names the function: it calls itself, or is too deep or too large. Takes time in the
// size of the file.
Status check_functions(const google::protobuf::RepeatedPtrField<::onnx::FunctionProto>& functions,
                       const ::onnx::GraphProto& graph, const FunctionLimits& limits = {});

}  // namespace onnxport::onnx
