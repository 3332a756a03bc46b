# One OBJECT library per folder of src/ (rules register themselves: a static library would drop them).
# Which layers one may include says docs/ARCHITECTURE.md; tests/layers_test.py holds the sources to it.
function(onnxport_layer name)
  cmake_parse_arguments(L "" "" "LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(NOT sources)  # a layer whose first file is still to be written
    set(sources "${PROJECT_BINARY_DIR}/empty.cpp")
    file(WRITE "${sources}" "// no sources yet\n")
  endif()
  add_library(onnxport_${name} OBJECT ${sources})
  target_include_directories(onnxport_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(onnxport_${name} PUBLIC fmt::fmt ${L_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY ONNXPORT_LAYERS ${name})
endfunction()

onnxport_layer(base LIBRARIES ${CMAKE_DL_LIBS})
onnxport_layer(formats LIBRARIES simdjson::simdjson PkgConfig::MINIZIP ZLIB::ZLIB)
onnxport_layer(aten)
onnxport_layer(onnx LIBRARIES ONNX::onnx ONNX::onnx_proto)
onnxport_layer(libtorch)
onnxport_layer(read LIBRARIES simdjson::simdjson)
onnxport_layer(lower)
onnxport_layer(simplify)
onnxport_layer(verify LIBRARIES nlohmann_json::nlohmann_json)
onnxport_layer(options LIBRARIES nlohmann_json::nlohmann_json)
onnxport_layer(pipeline LIBRARIES nlohmann_json::nlohmann_json)
onnxport_layer(report LIBRARIES nlohmann_json::nlohmann_json)
