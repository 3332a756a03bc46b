// Numbers in JSON that we write. JSON has neither infinity nor NaN; they travel as the words
// "Infinity", "-Infinity" and "NaN", which JavaScript, Python and strtod read as such.
#pragma once

#include <cmath>
#include <cstdlib>
#include <string>

namespace onnxport {

// `Json` is one of nlohmann's.
template <typename Json>
Json json_number(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
}

template <typename Json>
double number_from(const Json& j) {
  if (!j.is_string()) return j.template get<double>();
  return std::strtod(j.template get_ref<const std::string&>().c_str(), nullptr);
}

}  // namespace onnxport
