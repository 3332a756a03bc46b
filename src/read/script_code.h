// All code of a TorchScript archive, looked through before libtorch compiles it.
#pragma once

#include <span>

#include "base/result.h"
#include "read/script_names.h"

namespace onnxport::read {

// Refuses what cannot be parsed; operators that are not on the list (aten/allowed_operators.h);
// whatever could take long while the archive is loaded; recursion, and code that becomes too large
// or too deep when it is compiled. An Error names the entry and the line. Linear time.
Status check_script_code(std::span<const CodeEntry> entries);

}  // namespace onnxport::read
