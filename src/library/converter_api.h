// How libonnxport.so, which a program links, reaches the converter, which it loads.
//
// The converter brings a protobuf along, libtorch another one under the same names. A program that
// links both would mix them. So the library that it links holds nothing but forwarding functions
// (library/forward.cpp); the converter is loaded with symbols of its own and exports one function,
// which hands out this table.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "onnxport/export.h"
#include "onnxport/simplify.h"

namespace onnxport::library {

using MaybeError = std::optional<ConfigError>;

struct ConverterApi {
  MaybeError (*load_export_config)(const std::string&, ExportConfig&);
  MaybeError (*load_simplify_config)(const std::string&, SimplifyConfig&);
  MaybeError (*check_export_config)(const ExportConfig&);
  MaybeError (*check_simplify_config)(const SimplifyConfig&);
  Report (*export_model)(const std::string&, const std::string&, const ExportConfig&,
                         const Progress&, const std::stop_token&);
  Report (*verify_model)(const std::string&, const std::string&, const ExportConfig&,
                         const Progress&, const std::stop_token&);
  bool (*register_format)(const Format&);
  std::vector<FormatInfo> (*formats)();
  int64_t (*newest_opset)();
  std::string (*check_torch)(const std::string&);
  std::string (*report_text)(const Report&);
  std::string (*report_json)(const Report&);
  std::string (*report_html)(const Report&);
  std::vector<SimplifyRule> (*simplify_rules)();
  std::string (*simplified_path)(const std::string&);
  SimplifyReport (*simplify_model)(const std::string&, const std::string&, const SimplifyConfig&,
                                   const Progress&, const std::stop_token&);
  std::string (*simplify_report_text)(const SimplifyReport&);
  std::string (*simplify_report_json)(const SimplifyReport&);
  std::string (*simplify_report_html)(const SimplifyReport&);
  std::string (*tensor_text)(const TensorReport&);
  std::string (*divergence_text)(const DivergenceReport&);
};

}  // namespace onnxport::library

extern "C" __attribute__((visibility("default"))) const onnxport::library::ConverterApi*
onnxport_converter_api();
