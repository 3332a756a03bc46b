# Every <name>_test.cpp below src/ goes into one executable, `onnxport_tests`. It links the layers'
# objects directly, as the command does, so that rules that register themselves are there.
if(NOT ONNXPORT_TESTS)
  return()
endif()

find_package(GTest REQUIRED)
enable_testing()

file(GLOB_RECURSE onnxport_test_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*_test.cpp")
if(NOT onnxport_test_sources)
  message(STATUS "onnxport: no unit tests found")
  return()
endif()

get_property(onnxport_test_layers GLOBAL PROPERTY ONNXPORT_LAYERS)
list(TRANSFORM onnxport_test_layers PREPEND onnxport_)
# The parts of torchscript that know nothing of libtorch; the rest is compiled into the plugin alone.
list(APPEND onnxport_test_sources "${PROJECT_SOURCE_DIR}/src/torchscript/sizes.cpp"
  "${PROJECT_SOURCE_DIR}/src/torchscript/arithmetic.cpp")
add_executable(onnxport_tests ${onnxport_test_sources})
target_link_libraries(onnxport_tests PRIVATE ${onnxport_test_layers})
# As the command: ONNX and protobuf stay inside, libtorch brings its own.
target_link_options(onnxport_tests PRIVATE "LINKER:--exclude-libs,ALL")
target_link_libraries(onnxport_tests PRIVATE GTest::gtest_main GTest::gmock)
# Where a test finds its fixtures (tests/fixtures) and what a layer's own tests keep beside it.
target_compile_definitions(onnxport_tests PRIVATE
  ONNXPORT_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
  ONNXPORT_FIXTURES="${PROJECT_SOURCE_DIR}/tests/fixtures")
# Fixtures are opened by path: run from the source folder.
add_test(NAME unit COMMAND onnxport_tests WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")

# What the tests in Python ask about the program's inside.
add_executable(onnxport_dev "${PROJECT_SOURCE_DIR}/tests/dev.cpp")
target_link_libraries(onnxport_dev PRIVATE ${onnxport_test_layers})
target_link_options(onnxport_dev PRIVATE "LINKER:--exclude-libs,ALL")
