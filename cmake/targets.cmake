# What is built from the layers: the library, the command, and the plugin that alone knows libtorch.
get_property(onnxport_layers GLOBAL PROPERTY ONNXPORT_LAYERS)
list(TRANSFORM onnxport_layers PREPEND onnxport_ OUTPUT_VARIABLE onnxport_layer_targets)

# The library that a program links. It forwards to the converter, which it loads: see
# src/library/converter_api.h. So the program needs neither ONNX nor protobuf, and may link libtorch.
add_library(onnxport_lib SHARED "${PROJECT_SOURCE_DIR}/src/library/forward.cpp")
add_library(onnxport::onnxport ALIAS onnxport_lib)
set_target_properties(onnxport_lib PROPERTIES
  OUTPUT_NAME onnxport EXPORT_NAME onnxport VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_include_directories(onnxport_lib PUBLIC
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:include>"
  PRIVATE "${PROJECT_SOURCE_DIR}/src")
target_compile_features(onnxport_lib PUBLIC cxx_std_20)
target_link_libraries(onnxport_lib PRIVATE ${CMAKE_DL_LIBS})

# The converter: the layers' objects (rules that register themselves cannot be dropped), and protobuf
# as a shared library, since Debian's static one is not made for those. Exports one function.
add_library(onnxport_converter MODULE "${PROJECT_SOURCE_DIR}/src/library/converter_api.cpp")
set_target_properties(onnxport_converter PROPERTIES PREFIX "" OUTPUT_NAME onnxport_converter)
target_include_directories(onnxport_converter PRIVATE
  "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
foreach(layer IN LISTS onnxport_layer_targets)
  target_sources(onnxport_converter PRIVATE $<TARGET_OBJECTS:${layer}>)
endforeach()
find_library(ONNXPORT_PROTOBUF_SHARED NAMES libprotobuf.so REQUIRED)
target_link_libraries(onnxport_converter PRIVATE
  $<TARGET_FILE:ONNX::onnx> $<TARGET_FILE:ONNX::onnx_proto> "${ONNXPORT_PROTOBUF_SHARED}"
  fmt::fmt simdjson::simdjson ZLIB::ZLIB onnxport_seccomp ${CMAKE_DL_LIBS})
target_link_options(onnxport_converter PRIVATE "LINKER:--exclude-libs,ALL"
  "LINKER:--version-script,${PROJECT_SOURCE_DIR}/cmake/converter.map")
set_target_properties(onnxport_converter PROPERTIES
  LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/converter.map")
add_dependencies(onnxport_lib onnxport_converter)

# The command links the layers themselves: it runs from wherever it is copied.
file(GLOB onnxport_cli_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/cli/*.cpp")
list(FILTER onnxport_cli_sources EXCLUDE REGEX "_test\\.cpp$")
if(onnxport_cli_sources)
  add_executable(onnxport_cli ${onnxport_cli_sources})
  set_target_properties(onnxport_cli PROPERTIES OUTPUT_NAME onnxport)
  target_link_libraries(onnxport_cli PRIVATE ${onnxport_layer_targets} CLI11::CLI11
                        nlohmann_json::nlohmann_json)
  target_link_options(onnxport_cli PRIVATE "LINKER:--exclude-libs,ALL")
endif()

# The plugin: libtorch from the wheel of ONNXPORT_DEPS, or from ONNXPORT_TORCH (the folder that has
# include/ and lib/, such as <site-packages>/torch or an unpacked libtorch).
set(ONNXPORT_TORCH "" CACHE PATH "libtorch: the folder with include/ and lib/libtorch_cpu.so")
if(NOT ONNXPORT_TORCH)
  file(GLOB onnxport_torch_found "${ONNXPORT_DEPS}/venv/lib/python3*/site-packages/torch")
  if(onnxport_torch_found)
    list(GET onnxport_torch_found 0 ONNXPORT_TORCH)
  endif()
endif()
if(EXISTS "${ONNXPORT_TORCH}/lib/libtorch_cpu.so")
  file(GLOB_RECURSE onnxport_plugin_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/src/torch_plugin/*.cpp" "${PROJECT_SOURCE_DIR}/src/torchscript/*.cpp")
  list(FILTER onnxport_plugin_sources EXCLUDE REGEX "_test\\.cpp$")
  add_library(onnxport_torch MODULE ${onnxport_plugin_sources})
  set_target_properties(onnxport_torch PROPERTIES PREFIX "" OUTPUT_NAME onnxport_torch
    BUILD_RPATH "${ONNXPORT_TORCH}/lib" INSTALL_RPATH "${ONNXPORT_TORCH}/lib")
  target_include_directories(onnxport_torch SYSTEM PRIVATE
    "${ONNXPORT_TORCH}/include" "${ONNXPORT_TORCH}/include/torch/csrc/api/include")
  target_link_libraries(onnxport_torch PRIVATE onnxport_base onnxport_aten
    "${ONNXPORT_TORCH}/lib/libtorch_cpu.so" "${ONNXPORT_TORCH}/lib/libc10.so")
  target_link_options(onnxport_torch PRIVATE "LINKER:--exclude-libs,ALL" "LINKER:-z,defs")
  # libtorch's headers bring their own version of fmt, which no library here has. It is compiled once
  # (fmt_library.cpp), or in every file where it is not of the version that this file knows.
  set(onnxport_torch_fmt "")
  if(EXISTS "${ONNXPORT_TORCH}/include/fmt/base.h")
    file(STRINGS "${ONNXPORT_TORCH}/include/fmt/base.h" onnxport_torch_fmt
      REGEX "^#define FMT_VERSION 12[0-9][0-9][0-9][0-9]$")
  endif()
  if(onnxport_torch_fmt)
    target_compile_options(onnxport_torch PRIVATE -UFMT_SHARED)  # the layers' fmt is
  else()
    target_compile_definitions(onnxport_torch PRIVATE FMT_HEADER_ONLY)
  endif()
  if(TARGET onnxport_cli)
    add_dependencies(onnxport_cli onnxport_torch)
  endif()
else()
  message(WARNING "onnxport: no libtorch found, so exports cannot be verified against PyTorch. "
    "Run scripts/setup, or configure with -DONNXPORT_TORCH=<folder with include/ and lib/>.")
endif()

# ONNX Runtime: headers at build time; the library is looked for when the program runs, first where
# it is now. (The versions only have to agree in that the library is not older than the headers.)
find_path(ONNXPORT_ORT_INCLUDE onnxruntime_cxx_api.h
  HINTS "${ONNXPORT_DEPS}/onnxruntime/include" "$ENV{ONNXRUNTIME_ROOT}/include"
  PATH_SUFFIXES onnxruntime onnxruntime/core/session)
find_library(ONNXPORT_ORT_LIBRARY onnxruntime
  HINTS "${ONNXPORT_DEPS}/onnxruntime/lib" "$ENV{ONNXRUNTIME_ROOT}/lib")
if(NOT ONNXPORT_ORT_INCLUDE)
  message(FATAL_ERROR "onnxport: onnxruntime_cxx_api.h not found. Run scripts/setup, or set "
    "ONNXRUNTIME_ROOT to a folder with include/ and lib/.")
endif()
if(NOT ONNXPORT_ORT_LIBRARY)
  set(ONNXPORT_ORT_LIBRARY "")
endif()
target_include_directories(onnxport_verify SYSTEM PRIVATE "${ONNXPORT_ORT_INCLUDE}")
function(onnxport_define source)
  set_property(SOURCE "${PROJECT_SOURCE_DIR}/src/${source}" APPEND PROPERTY
    COMPILE_DEFINITIONS ${ARGN})
endfunction()
onnxport_define(verify/runtime.cpp "ONNXPORT_BUILT_ORT=\"${ONNXPORT_ORT_LIBRARY}\"")
onnxport_define(libtorch/plugin.cpp "ONNXPORT_PLUGIN_DIR=\"${PROJECT_BINARY_DIR}\"")
onnxport_define(library/forward.cpp "ONNXPORT_VERSION=\"${PROJECT_VERSION}\"")
onnxport_define(pipeline/registry.cpp "ONNXPORT_VERSION=\"${PROJECT_VERSION}\"")
