// For tests: a model in ONNX's text form, read as from a file.
#pragma once

#include <gtest/gtest.h>
#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <string>

#include "onnx/read.h"

namespace onnxport::onnx {

// By way of the file `path`. A text that does not parse fails the test.
inline Model text_model(const std::string& text, const std::string& path) {
  ::onnx::ModelProto proto;
  ::onnx::OnnxParser parser(text.c_str());
  const auto status = parser.Parse(proto);
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  std::ofstream(path, std::ios::binary) << proto.SerializeAsString();
  auto model = read_model(path);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().str());
  return model.ok() ? std::move(model).value() : Model();
}

}  // namespace onnxport::onnx
