// What is written about the options, from the table.
#pragma once

#include <string>

namespace onnxport::options {

// docs/config.schema.json: draft 2020-12, with a definition for each kind of configuration file.
std::string schema();

// docs/options.md: every option and key.
std::string page();

}  // namespace onnxport::options
