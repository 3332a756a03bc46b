# Precompiled headers: what nearly every file of a target includes, parsed once. A file still includes
# what it uses (the preset `tidy` builds its database without them). Own headers stand in angle brackets,
# so that CMake leaves the name alone: an absolute path would keep ccache from hitting in another clone.
#
# A header that changes often belongs in none of these lists: all files of the target wait for it.
set(onnxport_pch_std
  <algorithm> <cstdint> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
  <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
set(onnxport_pch_base ${onnxport_pch_std} <base/tensor.h>)
set(onnxport_pch_graph ${onnxport_pch_base} <onnx/graph.h>)

set(onnxport_pch_read ${onnxport_pch_base} <aten/program.h> <simdjson.h>)
set(onnxport_pch_onnx ${onnxport_pch_graph})
set(onnxport_pch_simplify ${onnxport_pch_graph} <simplify/rule.h>)
set(onnxport_pch_lower ${onnxport_pch_graph} <lower/rule.h>)
get_property(onnxport_pch_layers GLOBAL PROPERTY ONNXPORT_LAYERS)
foreach(layer IN LISTS onnxport_pch_layers)
  if(DEFINED onnxport_pch_${layer})
    target_precompile_headers(onnxport_${layer} PRIVATE ${onnxport_pch_${layer}})
  else()  # one for all others
    target_precompile_headers(onnxport_${layer} REUSE_FROM onnxport_base)
  endif()
endforeach()
if(TARGET onnxport_cli)  # not REUSE_FROM: executables are compiled with -fPIE
  target_precompile_headers(onnxport_cli PRIVATE ${onnxport_pch_base} <CLI/CLI.hpp>)
endif()
if(TARGET onnxport_torch)  # without torch/csrc/jit: nine files of forty need it, and it doubles the cost
  target_precompile_headers(onnxport_torch PRIVATE
    <ATen/core/Tensor.h> <ATen/core/function_schema.h> <ATen/core/ivalue.h> <ATen/core/jit_type.h>
    <ATen/core/stack.h> ${onnxport_pch_std})
endif()
if(TARGET onnxport_tests)
  target_precompile_headers(onnxport_tests PRIVATE ${onnxport_pch_graph} <gtest/gtest.h>)
endif()
