// A TorchScript archive looked through before libtorch opens it.
#pragma once

#include "base/result.h"
#include "formats/zip.h"

namespace onnxport::read {

// Refuses what could make libtorch crash, hang, run out of memory or touch anything outside the
// process: entries that lie about their size or swell when inflated, pickles that are broken,
// nested without measure or that name what torch.jit.save never writes, tensors outside their
// storage, code nested deeper than a parser's stack, and calls that read or write files. Nothing is
// executed.
Status check_script(const formats::Zip& zip);

}  // namespace onnxport::read
