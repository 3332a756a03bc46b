// Entries of an archive as an archive of our own making, for a reader that we do not control.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "formats/zip.h"

namespace onnxport::formats {

// The bytes of a zip archive that holds these entries, stored, in this order. Its headers and its
// directory are made here, so that there is one way to read it and nothing of what the original
// says beside its entries' names, sizes and checksums is left. Lazy: the data is that of
// `zip.read`, copied when it is asked for. An entry that is held (Zip::hold) is what was looked at;
// one that is not is read from the file.
Result<std::shared_ptr<const Storage>> repack(const Zip& zip,
                                              const std::vector<const ZipEntry*>& entries);

}  // namespace onnxport::formats
