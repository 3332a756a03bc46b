#include "read/script.h"

#include <array>
#include <cstring>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/repack.h"
#include "formats/zip.h"
#include "read/functionalize.h"
#include "read/program_codec.h"
#include "read/prune.h"
#include "read/script_check.h"
#include "sandbox/child.h"
#include "sandbox/message.h"

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

// Entries of one size that a weight is compared with: enough for models whose layers are alike, too
// few for a file whose entries differ in their last byte to take long.
constexpr int kMaxCompared = 16;

// The size of a weight, and a few of its bytes: tells weights of one size apart.
using Probe = std::pair<size_t, std::array<uint64_t, 4>>;
Probe probe_of(std::span<const std::byte> bytes) {
  Probe out{bytes.size(), {}};
  auto& words = out.second;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t at = (bytes.size() - sizeof(uint64_t)) / (words.size() - 1) * i;
    std::memcpy(&words[i], bytes.data() + at, sizeof(uint64_t));
  }
  return out;
}

// libtorch reads an archive's tensors into memory. Most weights are such a tensor as it is: they
// become views of the mapped file, so that what libtorch holds can go, and the rest of the pipeline
// has none of the weights in memory. Which entry a weight came from nobody tells: equal bytes do.
void map_weights(aten::Program& program, const Zip& zip) {
  std::set<size_t> sizes;
  for (const aten::Weight& weight : program.weights) {
    if (weight.tensor.storage != nullptr) sizes.insert(weight.tensor.storage->size());
  }
  std::multimap<Probe, std::shared_ptr<const Storage>> entries;
  for (const formats::ZipEntry& entry : zip.entries()) {
    if (!entry.stored || entry.size < kMinMapped || !sizes.contains(entry.size)) continue;
    auto bytes = zip.read(entry, Zip::Crc::kSkip);  // held against libtorch's copy here
    if (!bytes.ok()) continue;
    entries.emplace(probe_of((*bytes)->view()), *bytes);
    (*bytes)->release();
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
    if (bytes.empty()) continue;
    auto [it, end] = entries.equal_range(probe_of(bytes));
    for (int compared = 0; it != end && compared < kMaxCompared; ++it, ++compared) {
      const std::shared_ptr<const Storage> entry = it->second;
      const bool same = std::memcmp(bytes.data(), entry->view().data(), bytes.size()) == 0;
      entry->release();
      if (!same) continue;
      mapped[storage.get()] = entry;
      replaced.push_back(std::exchange(storage, entry));
      entries.erase(it);
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

// What the process that loads the archive answers.
constexpr int64_t kError = 0;
constexpr int64_t kProgram = 1;

std::string answer(Result<aten::Program> program, const Zip& zip) {
  sandbox::MessageWriter out;
  if (program.ok()) {
    map_weights(*program, zip);
    out.number(kProgram);
    out.text(encode(*program, *zip.bytes()));
  } else {
    out.number(kError);
    out.text(program.error().message);
    out.text(program.error().where);
  }
  return out.take();
}

Result<aten::Program> program_of(std::string_view answer, const Zip& zip) {
  sandbox::MessageReader in(answer);
  TRY_ASSIGN(const int64_t kind, in.number(kError, kProgram));
  TRY_ASSIGN(const std::string_view text, in.text());
  if (kind == kProgram) return decode(text, zip.bytes());
  TRY_ASSIGN(const std::string_view where, in.text());
  return Error{std::string(text), std::string(where)};
}

// The program that libtorch makes of the archive, in a process of its own.
Result<aten::Program> load(const libtorch::ScriptFile& file, const Zip& zip,
                           const libtorch::ScriptOptions& options, libtorch::Plugin& plugin,
                           const sandbox::Policy& policy) {
  // Weights that the code computes are sent; those of the file are not.
  constexpr size_t kMostComputed = size_t{1} << 30;
  // What loading may take: in proportion to the file, and much for one of any size. Code that runs
  // while libtorch loads, or that never ends, is a stranger's.
  constexpr uint64_t kMemory = uint64_t{3} << 29;
  constexpr uint64_t kSeconds = 300;
  const size_t size = zip.bytes()->size();
  sandbox::Policy limited = sandbox::at_most_more(policy, kMemory + 4 * size);
  if (limited.limits.seconds == 0) limited.limits.seconds = kSeconds + (size >> 23U);
  TRY_ASSIGN(
      const sandbox::ChildEnd end,
      sandbox::in_child(
          [&](const sandbox::Send& send) { send(answer(plugin.read_script(file, options), zip)); },
          {.policy = limited, .most = size + kMostComputed, .warm_up = [&] {
             plugin.warm_up(libtorch::threads_in_fork(plugin));
           }}));
  if (end.crashed || end.late) return Error{"loading it ended libtorch's process: " + end.how, ""};
  return program_of(end.text, zip);
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

Result<libtorch::ScriptFile> ScriptArchive::check() const {
  Zip& zip = content_->zip;
  auto steps = [&]() -> Result<libtorch::ScriptFile> {
    TRY_ASSIGN(const std::vector<const formats::ZipEntry*> entries, check_script(zip));
    libtorch::ScriptFile file;
    file.path = content_->path;
    TRY_ASSIGN(file.archive, formats::repack(zip, entries));
    for (const formats::ZipEntry* entry : entries) {
      file.records.emplace_back(entry->name.substr(entry->name.find('/') + 1), entry->size);
    }
    return file;
  };
  auto file = steps();
  if (!file.ok()) return std::move(file).error().at(content_->path);
  return file;
}

Result<aten::Program> ScriptArchive::read(const libtorch::ScriptFile& file,
                                          const libtorch::ScriptOptions& options,
                                          libtorch::Plugin& plugin,
                                          const sandbox::Policy& policy) const {
  const std::string& path = content_->path;
  auto steps = [&]() -> Result<aten::Program> {
    auto program = load(file, content_->zip, options, plugin, policy);
    if (!program.ok()) return with_hint(std::move(program).error(), options);
    program->source_file = path;
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
