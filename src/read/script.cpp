#include "read/script.h"

#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/zip.h"
#include "read/functionalize.h"
#include "read/prune.h"
#include "read/script_check.h"

namespace onnxport::read {

namespace {

using formats::Zip;

bool holds_script(const Zip& zip) {
  bool pickle = false;
  bool code = false;
  for (const formats::ZipEntry& entry : zip.entries()) {
    const std::string_view name = entry.name;
    pickle = pickle || name.ends_with("/data.pkl");
    code =
        code || name.find("/code/") != std::string_view::npos || name.ends_with("/constants.pkl");
    if (name.ends_with("/.data/extern_modules")) return false;  // torch.package: see wrong_file
  }
  return pickle && code;
}

// Smaller ones are not worth a search.
constexpr size_t kMinMapped = 4096;

// libtorch reads an archive's tensors into memory. Most weights are such a tensor as it is: they
// become views of the mapped file, so that what libtorch holds can go, and the rest of the pipeline
// has none of the weights in memory. Which entry a weight came from nobody tells: equal bytes do.
void map_weights(aten::Program& program, const Zip& zip) {
  std::unordered_multimap<size_t, const formats::ZipEntry*> by_size;
  for (const formats::ZipEntry& entry : zip.entries()) {
    if (entry.stored && entry.size >= kMinMapped) by_size.emplace(entry.size, &entry);
  }
  // By what a weight held: tied weights share a storage, and go on doing so.
  std::unordered_map<const Storage*, std::shared_ptr<const Storage>> mapped;
  std::vector<std::shared_ptr<const Storage>> replaced;  // alive, so that no address is used twice
  for (aten::Weight& weight : program.weights) {
    std::shared_ptr<const Storage>& storage = weight.tensor.storage;
    if (storage == nullptr || storage->size() < kMinMapped) continue;
    if (auto known = mapped.find(storage.get()); known != mapped.end()) {
      storage = known->second;
      continue;
    }
    const std::span<const std::byte> bytes = storage->view();
    const auto [begin, end] = by_size.equal_range(storage->size());
    for (auto it = begin; it != end && !bytes.empty(); ++it) {
      auto entry = zip.read(*it->second, Zip::Crc::kSkip);  // held against libtorch's copy here
      if (!entry.ok()) continue;
      const bool same = std::memcmp(bytes.data(), (*entry)->view().data(), bytes.size()) == 0;
      (*entry)->release();
      if (!same) continue;
      mapped[storage.get()] = *entry;
      replaced.push_back(std::exchange(storage, *entry));
      by_size.erase(it);
      break;
    }
  }
}

// Sizes that do not fit each other are often those that nobody gave.
Error with_hint(Error error, const libtorch::ScriptOptions& options) {
  const bool sizes = error.message.starts_with("libtorch: ") ||
                     error.message.find("dimensions") != std::string::npos;
  if (sizes && options.sizes.empty() && options.named_sizes.empty()) {
    error.message +=
        "\nNo --input-shape was given, so the input was taken for a picture, 3,224,224 in a batch: "
        "give the shape that the model wants";
  }
  return error;
}

}  // namespace

struct ScriptArchive::Content {
  std::string path;
  Zip zip;
};

std::optional<ScriptArchive> ScriptArchive::open(const std::string& path) {
  auto zip = formats::open_zip(path);
  if (!zip.ok() || !holds_script(*zip)) return std::nullopt;
  return ScriptArchive(std::make_shared<Content>(Content{path, std::move(zip).value()}));
}

Result<aten::Program> ScriptArchive::read(const libtorch::ScriptOptions& options,
                                          libtorch::Plugin& plugin) const {
  const std::string& path = content_->path;
  const Zip& zip = content_->zip;
  auto steps = [&]() -> Result<aten::Program> {
    TRY(check_script(zip));
    auto program = plugin.read_script(path, options);
    if (!program.ok()) return with_hint(std::move(program).error(), options);
    program->source_file = path;
    map_weights(*program, zip);
    TRY(functionalize(*program));
    prune(*program);
    TRY(aten::validate(*program));
    return program;
  };
  auto program = steps();
  if (program.ok() || program.error().where.starts_with(path)) return program;
  return std::move(program).error().at(path);
}

}  // namespace onnxport::read
