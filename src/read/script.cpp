#include "read/script.h"

#include "base/file.h"
#include "formats/slice.h"
#include "formats/zip.h"
#include "read/functionalize.h"
#include "read/prune.h"
#include "read/script_check.h"

namespace onnxport::read {

namespace {

using formats::Zip;

Result<Zip> open(const std::string& path) {
  TRY_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  return Zip::open(formats::whole_file(std::move(file)));
}

}  // namespace

bool is_script(const std::string& path) {
  auto zip = open(path);
  if (!zip.ok()) return false;
  bool pickle = false;
  bool code = false;
  for (const formats::ZipEntry& entry : zip->entries()) {
    std::string_view name = entry.name;
    pickle = pickle || name.ends_with("/data.pkl");
    code =
        code || name.find("/code/") != std::string_view::npos || name.ends_with("/constants.pkl");
  }
  return pickle && code;
}

Result<aten::Program> read_script(const std::string& path, const libtorch::ScriptOptions& options,
                                  libtorch::Plugin& plugin) {
  auto steps = [&]() -> Result<aten::Program> {
    TRY(check_script(path));
    TRY_ASSIGN(aten::Program program, plugin.read_script(path, options));
    program.source_file = path;
    TRY(functionalize(program));
    prune(program);
    TRY(aten::validate(program));
    return program;
  };
  auto program = steps();
  if (program.ok() || program.error().where.starts_with(path)) return program;
  return std::move(program).error().at(path);
}

}  // namespace onnxport::read
