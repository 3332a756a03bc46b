#include "report/json_parts.h"

#include <set>

#include "base/json_number.h"
#include "base/printable.h"

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

// At the end, without a look at the keys that are there, which takes an ordered object as long as
// it is.
void append(Json::object_t& members, const std::string& key, Json value) {
  std::vector<Json::object_t::value_type>& all = members;
  all.emplace_back(key, std::move(value));
}

// Bytes that are not UTF-8 are shown, and long texts cut. Two keys may become the same by that: a
// later one gets a number. As deep as what this program makes of a report.
Json fit(const Json& json) {  // NOLINT(misc-no-recursion)
  if (json.is_string()) return valid_utf8(json.get_ref<const std::string&>());
  if (json.is_array()) {
    Json out = Json::array();
    for (const Json& item : json) out.push_back(fit(item));
    return out;
  }
  if (!json.is_object()) return json;
  Json out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  std::set<std::string> taken;
  for (const auto& [name, value] : json.items()) {
    const std::string fitting = valid_utf8(name, kMostOfName);
    std::string key = fitting;
    for (int n = 2; !taken.insert(key).second; ++n) key = fitting + " #" + std::to_string(n);
    append(members, key, fit(value));
  }
  return out;
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

Json counts_json(const std::map<std::string, int>& counts) {
  Json out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  for (const auto& [name, count] : counts) append(members, name, count);
  return out;
}

std::string dumped(const Json& json) {
  return printable_json(fit(json).dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace onnxport::report
