// A TorchScript archive looked through before libtorch opens it.
#pragma once

#include <vector>

#include "base/result.h"
#include "formats/zip.h"

namespace onnxport::read {

// Refuses what could make libtorch crash, hang, run out of memory or touch anything outside the
// process: entries that lie about their size or swell when inflated, pickles that are not as
// torch.jit.save writes them (read/script_pickle.h), and code that does more than compute
// (read/script_code.h). Nothing is executed.
//
// Gives the entries that libtorch may load. All but the bytes of weights are held (Zip::hold), so
// that libtorch gets what was looked at here.
Result<std::vector<const formats::ZipEntry*>> check_script(formats::Zip& zip);

}  // namespace onnxport::read
