#include "read/checksums.h"

#include "formats/zip.h"

namespace onnxport::read {

Status check_sums(const std::string& path) {
  auto zip = formats::open_zip(path);
  if (!zip.ok()) return std::move(zip).error().at(path);
  for (const formats::ZipEntry& entry : zip->entries()) {
    if (auto status = zip->check(entry); !status.ok()) return std::move(status).error().at(path);
  }
  return {};
}

}  // namespace onnxport::read
