#include "read/checksums.h"

#include "base/cancel.h"
#include "formats/zip.h"

namespace onnxport::read {

Status check_sums(const std::string& path, const std::stop_token& cancel) {
  auto zip = formats::open_zip(path);
  if (!zip.ok()) return std::move(zip).error().at(path);
  for (const formats::ZipEntry& entry : zip->entries()) {
    TRY(check_cancelled(cancel));
    if (auto status = zip->check(entry); !status.ok()) return std::move(status).error().at(path);
  }
  return {};
}

}  // namespace onnxport::read
