// The converter's side.
#include "library/converter_api.h"

namespace onnxport::library {
namespace {

const ConverterApi kConverterApi = {
    load_config,
    load_config,
    check_config,
    check_config,
    export_model,
    verify_model,
    register_format,
    formats,
    newest_opset,
    check_torch,
    [](const Report& r) { return r.text(); },
    [](const Report& r) { return r.json(); },
    [](const Report& r) { return r.html(); },
    simplify_rules,
    simplified_path,
    simplify_model,
    [](const SimplifyReport& r) { return r.text(); },
    [](const SimplifyReport& r) { return r.json(); },
    [](const SimplifyReport& r) { return r.html(); },
    [](const TensorReport& t) { return t.text(); },
    [](const DivergenceReport& d) { return d.text(); },
};

}  // namespace
}  // namespace onnxport::library

const onnxport::library::ConverterApi* onnxport_converter_api() {
  return &onnxport::library::kConverterApi;
}
