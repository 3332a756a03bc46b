// What `inspect` prints.
#pragma once

#include <string>

#include "pipeline/facts.h"

namespace onnxport::report {

std::string facts_text(const facts::Facts& facts, const std::string& path);
std::string facts_json(const facts::Facts& facts, const std::string& path);

}  // namespace onnxport::report
