// What the command may use of the machine.
#pragma once

namespace onnxport::cli {

// No more memory than the machine (or the container) has: a model that asks for more than that ends
// in an error that names the call, where the kernel would end the process without a word. Mapped
// files do not count.
void limit_memory();

}  // namespace onnxport::cli
