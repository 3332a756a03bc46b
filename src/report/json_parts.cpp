#include "report/json_parts.h"

#include "base/json_number.h"

namespace onnxport::report {
namespace {

Json tensor_json(const TensorReport& tensor) {
  Json dims;
  if (tensor.dims) {
    dims = Json::array();
    for (const Dim& dim : *tensor.dims) {
      std::visit([&](const auto& size) { dims.push_back(size); }, dim);
    }
  }
  return {{"name", tensor.name},
          {"dtype", tensor.dtype.empty() ? Json() : Json(tensor.dtype)},
          {"dims", std::move(dims)}};
}

}  // namespace

Json tensors_json(const std::vector<TensorReport>& tensors) {
  Json out = Json::array();
  for (const TensorReport& tensor : tensors) out.push_back(tensor_json(tensor));
  return out;
}

Json runs_json(const std::vector<RunReport>& runs) {
  Json out = Json::array();
  for (const RunReport& run : runs) {
    Json item = {{"values", run.values},
                 {"seed", run.seed},
                 {"inputs", tensors_json(run.inputs)},
                 {"max_abs_difference", json_number<Json>(run.max_abs_difference)},
                 {"passed", run.passed}};
    if (run.within_noise) item["within_noise"] = true;
    out.push_back(std::move(item));
  }
  return out;
}

Json seconds_json(const std::vector<Stage>& stages) {
  Json out = Json::object();
  for (const Stage& stage : stages) out[stage.name] = stage.seconds;
  return out;
}

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace onnxport::report
