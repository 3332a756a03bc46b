#include "read/checksums.h"

#include <memory>

#include "base/file.h"
#include "formats/slice.h"
#include "formats/zip.h"

namespace onnxport::read {

Status check_sums(const std::string& path) {
  TRY_ASSIGN(const auto file, MappedFile::open(path));
  auto zip = formats::Zip::open(formats::whole_file(file));
  if (!zip.ok()) return std::move(zip).error().at(path);
  for (const formats::ZipEntry& entry : zip->entries()) {
    if (auto status = zip->check(entry); !status.ok()) return std::move(status).error().at(path);
  }
  return {};
}

}  // namespace onnxport::read
