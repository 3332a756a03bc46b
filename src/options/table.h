// The table of options, and what follows from it for values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "options/option.h"

namespace onnxport::options {

// A new option is one row here and the member that it sets.
const std::vector<Option>& table();

// The rows of a command, in the table's order.
std::vector<const Option*> rows_of(unsigned commands);

// The texts that a command line gives for `option`; the error's place is the text that is wrong.
Status read_texts(const Option& option, const std::vector<std::string>& texts, Settings& settings);

// The keys of a JSON file. `settings` stays as it was when there is an error.
std::optional<ConfigError> read_settings(const std::string& path, unsigned commands,
                                         Settings& settings);

// The first thing that is wrong with the settings of these commands. `key` is the row's, or its
// flag where it has no key.
std::optional<ConfigError> check(Settings settings, unsigned commands);

}  // namespace onnxport::options
