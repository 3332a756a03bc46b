#include "read/pt2.h"

#include <algorithm>

#include "aten/program.h"
#include "base/file.h"
#include "formats/json.h"
#include "formats/slice.h"
#include "formats/zip.h"
#include "read/functionalize.h"
#include "read/prune.h"
#include "read/pt2_archive.h"
#include "read/pt2_graph.h"

namespace onnxport::read {

namespace {

Result<aten::Program> read_bytes(std::shared_ptr<const Storage> bytes, const Limits& limits) {
  TRY_ASSIGN(Pt2Archive archive, open_pt2_archive(std::move(bytes), limits));
  const std::string entry = "archive entry `" + archive.json_entry + "`";
  std::span<const std::byte> view = archive.json->view();
  std::string_view text(reinterpret_cast<const char*>(view.data()), view.size());
  auto json = formats::Json::parse(text, {limits.max_json_bytes, limits.max_json_depth});
  if (!json.ok()) return std::move(json).error().at(entry);
  auto program = read_graph(json->root(), archive, limits);
  if (!program.ok()) return std::move(program).error().at(entry);
  return program;
}

Result<aten::Program> read_program(std::shared_ptr<const Storage> bytes, const Limits& limits) {
  auto program = read_bytes(std::move(bytes), limits);
  if (!program.ok()) return program;
  TRY(functionalize(*program));
  prune(*program);
  TRY(aten::validate(*program));
  return program;
}

}  // namespace

bool is_pt2(const std::string& path) {
  const auto zip = formats::open_zip(path);
  if (!zip.ok()) return false;
  return std::any_of(zip->entries().begin(), zip->entries().end(),
                     [](const formats::ZipEntry& entry) { return is_program_entry(entry.name); });
}

Result<aten::Program> read_pt2(const std::string& path, const Limits& limits) {
  TRY_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));  // names the file
  auto program = read_program(formats::whole_file(std::move(file)), limits);
  if (!program.ok()) return std::move(program).error().at(path);
  program->source_file = path;
  return program;
}

}  // namespace onnxport::read
