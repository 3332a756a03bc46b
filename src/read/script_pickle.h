// The pickles of a TorchScript archive, looked through before libtorch reads them.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "formats/pickle.h"
#include "formats/zip.h"

namespace onnxport::read {

// libtorch trusts a pickle: it believes element counts, offsets and strides, and takes a number for
// a type or a function where one stands in its place. Refused is whatever torch.jit.save never
// writes: other names, calls with other arguments, storages of a type that is not in the table
// (formats/torch_types.h), or that say they have more than their entry, tensors outside their
// storage, sparse ones, objects that contain themselves or are nested without measure.
//
// `storages`: the folder of the archive in which its storages are ("root/data/"); "" if it may have
// none. `budget`: bytes that its storages and its tensors may take, one by one; what they take is
// taken off.
Status check_script_pickle(const formats::Zip& zip, const std::string& storages,
                           const formats::Pickle& pickle, size_t& budget);

}  // namespace onnxport::read
