// A shared library found at run time.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace onnxport {

// The first of `candidates` that loads (local symbols; never unloaded); "" entries are passed over.
// `what` and `remedy` go into the error, with what the loader said about each candidate.
Result<void*> load_library(const std::vector<std::string>& candidates, const std::string& what,
                           const std::string& remedy);
// The function `name` of a loaded library.
Result<void*> find_function(void* library, const std::string& name);
// The folder of the executable or shared library that this code is in; "" when not known.
std::string own_folder();
// The value of an environment variable, "" when unset.
std::string environment(const char* name);

}  // namespace onnxport
