#include "read/pt2_archive.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "base/memory.h"
#include "formats/json.h"
#include "formats/torch_save.h"
#include "formats/zip.h"
#include "read/tensor_meta.h"
#include "read/wrong_file.h"

namespace onnxport::read {

namespace {

using formats::Json;
using formats::JsonObject;
using formats::JsonValue;
using formats::Zip;
using formats::ZipEntry;
using Tensors = std::unordered_map<std::string, Tensor>;

constexpr size_t kMaxNamed = 5;  // programs, in an error
constexpr std::string_view kOldProgram = "serialized_exported_program.json";

bool is_old_program(const std::string& name) {
  return name == kOldProgram || name.ends_with("/" + std::string(kOldProgram));
}

// Where `models/` begins in the name `<root>/models/<name>.json`; npos for any other name.
size_t find_models(const std::string& name) {
  const size_t at = name.find("models/");
  if (at == std::string::npos || !name.ends_with(".json")) return std::string::npos;
  const bool below_root = at == 0 || (name[at - 1] == '/' && name.find('/') == at - 1);
  return below_root ? at : std::string::npos;
}

class ArchiveReader {
 public:
  ArchiveReader(Zip zip, size_t file_bytes, const Limits& limits)
      : zip_(std::move(zip)), file_bytes_(file_bytes), limits_(limits) {}

  Result<Pt2Archive> run() {
    for (const ZipEntry& entry : zip_.entries()) {
      if (is_old_program(entry.name)) {
        root_ = entry.name.substr(0, entry.name.size() - kOldProgram.size());
        return old_layout(entry);
      }
    }
    return new_layout();
  }

 private:
  Result<Pt2Archive> old_layout(const ZipEntry& program) {
    TRY(check_old_version());
    TRY(load_json(program));
    TRY(saved_dict(root_ + "serialized_state_dict.pt", out_.state));
    TRY(saved_dict(root_ + "serialized_constants.pt", out_.constants));
    return finished();
  }

  // `version` holds the schema version, "5.1"; the program repeats it, where it is checked.
  Status check_old_version() {
    if (zip_.find(root_ + "version") != nullptr) return {};
    out_.notes.emplace_back("the archive has no `version` entry");
    return {};
  }

  Result<Pt2Archive> new_layout() {
    TRY_ASSIGN(const ZipEntry* program, the_model());
    TRY(load_json(*program));
    const std::string weights = root_ + "data/weights/";
    const std::string constants = root_ + "data/constants/";
    TRY(payload(weights, "_weights_config.json", out_.state));
    TRY(payload(constants, "_constants_config.json", out_.constants));
    return finished();
  }

  // Tied weights were read from the same bytes, each by itself: here they get one Storage, by which
  // they are known from now on.
  Result<Pt2Archive> finished() {
    TRY(check_expanded());
    std::map<std::pair<const std::byte*, size_t>, std::shared_ptr<const Storage>> by_place;
    for (Tensors* tensors : {&out_.state, &out_.constants}) {
      for (auto& [name, tensor] : *tensors) {
        std::span<const std::byte> view = tensor.storage->view();
        if (view.empty()) continue;
        auto& first = by_place[{view.data(), view.size()}];
        if (first == nullptr) first = tensor.storage;
        tensor.storage = first;
      }
    }
    return std::move(out_);
  }

  Status check_expanded() const {
    uint64_t bytes = 0;
    std::set<const std::byte*> seen;
    for (const Tensors* tensors : {&out_.state, &out_.constants}) {
      for (const auto& [name, tensor] : *tensors) {
        const std::span<const std::byte> view = tensor.storage->view();
        if (!view.empty() && !seen.insert(view.data()).second) continue;  // tied
        const uint64_t most = limits_.max_expanded + file_bytes_;
        if (__builtin_add_overflow(bytes, tensor.nbytes(), &bytes) || bytes > most) {
          return Error{fmt::format("the file has {}, but its weights would be {} or more when they "
                                   "are written out; the limit is {} more than the file (--memory)",
                                   bytes_text(file_bytes_), bytes_text(bytes),
                                   bytes_text(limits_.max_expanded)),
                       fmt::format("tensor `{}`", name)};
        }
      }
    }
    return {};
  }

  // The one `<root>/models/<name>.json`.
  Result<const ZipEntry*> the_model() {
    std::vector<const ZipEntry*> models;
    std::vector<std::string> names;
    bool compiled = false;
    for (const ZipEntry& entry : zip_.entries()) {
      compiled = compiled || entry.name.find("data/aotinductor/") != std::string::npos;
      const size_t at = find_models(entry.name);
      if (at == std::string::npos) continue;
      size_t name_at = at + std::string_view("models/").size();
      root_ = entry.name.substr(0, at);
      model_ = entry.name.substr(name_at,
                                 entry.name.size() - name_at - std::string_view(".json").size());
      models.push_back(&entry);
      if (names.size() < kMaxNamed) names.push_back(model_);
    }
    if (models.size() == 1) return models[0];
    if (models.size() > names.size()) names.push_back("...");
    if (models.size() > 1) {
      return Error{
          fmt::format("holds {} programs ({}); save the one to export in a file of its own "
                      "with torch.export.save",
                      models.size(), fmt::join(names, ", ")),
          ""};
    }
    if (compiled) {
      return Error{
          "holds a model compiled by AOTInductor, not an exported program; save the "
          "ExportedProgram itself with torch.export.save",
          ""};
    }
    return wrong_zip(zip_);
  }

  Status load_json(const ZipEntry& entry) {
    out_.json_entry = entry.name;
    if (entry.size > limits_.max_json_bytes) {
      return Error{fmt::format("has {} bytes, more than the limit of {}", entry.size,
                               limits_.max_json_bytes),
                   "archive entry `" + entry.name + "`"};
    }
    TRY_ASSIGN(out_.json, zip_.read(entry, Zip::Crc::kCheck));
    return {};
  }

  // A dict saved by torch.save. An empty entry means that there was nothing to save.
  Status saved_dict(const std::string& name, Tensors& to) {
    const ZipEntry* entry = zip_.find(name);
    if (entry == nullptr) return Error{"archive entry `" + name + "` is missing", ""};
    if (entry->size == 0) return {};
    TRY_ASSIGN(auto bytes, zip_.read(*entry, Zip::Crc::kSkip));
    auto saved = formats::read_saved_dict(std::move(bytes));
    if (!saved.ok()) return std::move(saved).error().at("archive entry `" + name + "`");
    for (formats::SavedTensor& tensor : saved->tensors) {
      to.emplace(std::move(tensor.name), std::move(tensor.tensor));
    }
    return {};
  }

  // `<folder>/<model><suffix>` maps names to raw entries in the folder, or `<folder>/<model>.pt` is
  // a dict saved by torch.save (torch 2.8).
  Status payload(const std::string& folder, const std::string& suffix, Tensors& to) {
    if (zip_.find(folder + model_ + ".pt") != nullptr)
      return saved_dict(folder + model_ + ".pt", to);
    const std::string name = folder + model_ + suffix;
    const ZipEntry* entry = zip_.find(name);
    if (entry == nullptr) return Error{"archive entry `" + name + "` is missing", ""};
    TRY_ASSIGN(auto bytes, zip_.read(*entry, Zip::Crc::kCheck));
    if (Status s = configured(folder, text_of(*bytes), to); !s.ok()) {
      return std::move(s).error().at("archive entry `" + name + "`");
    }
    return {};
  }

  Status configured(const std::string& folder, std::string_view text, Tensors& to) {
    TRY_ASSIGN(Json json, Json::parse(text, {limits_.max_json_bytes, limits_.max_json_depth}));
    TRY_ASSIGN(JsonObject root, formats::json_object(json.root(), "document"));
    TRY_ASSIGN(JsonObject config, formats::object_field(root, "config"));
    for (simdjson::dom::key_value_pair field : config) {
      TRY_ASSIGN(JsonObject meta, formats::json_object(field.value, field.key));
      auto tensor = payload_tensor(folder, meta);
      if (!tensor.ok()) return std::move(tensor).error().at(fmt::format("tensor `{}`", field.key));
      if (tensor->has_value()) to.emplace(field.key, std::move(**tensor));
    }
    return {};
  }

  // Nothing for a custom object: using one is refused where the program names it.
  Result<std::optional<Tensor>> payload_tensor(const std::string& folder, JsonObject meta) {
    TRY_ASSIGN(std::string_view path, formats::string_field(meta, "path_name"));
    std::string name = folder + std::string(path);
    const ZipEntry* entry = zip_.find(name);
    if (entry == nullptr) return Error{"its data, archive entry `" + name + "`, is missing", ""};
    auto tensor_meta = formats::json_optional(meta, "tensor_meta");
    if (!tensor_meta) return std::optional<Tensor>();
    TRY_ASSIGN(JsonObject layout_json, formats::json_object(*tensor_meta, "tensor_meta"));
    TRY_ASSIGN(auto bytes, zip_.read(*entry, Zip::Crc::kSkip));
    if (auto pickled = formats::json_optional(meta, "use_pickle")) {
      TRY_ASSIGN(bool use_pickle, formats::json_bool(*pickled, "use_pickle"));
      if (use_pickle) {
        TRY_ASSIGN(Tensor tensor, formats::read_saved_tensor(std::move(bytes)));
        return std::optional<Tensor>(std::move(tensor));
      }
    }
    TRY_ASSIGN(formats::Strided layout, strided_meta(layout_json));
    auto tensor = formats::strided_tensor(layout, std::move(bytes));
    if (!tensor.ok()) return std::move(tensor).error().at("archive entry `" + name + "`");
    return std::optional<Tensor>(std::move(tensor).value());
  }

  static std::string_view text_of(const Storage& bytes) {
    return {reinterpret_cast<const char*>(bytes.view().data()), bytes.view().size()};
  }

  Zip zip_;
  const size_t file_bytes_;
  const Limits& limits_;
  std::string root_;
  std::string model_;
  Pt2Archive out_;
};

}  // namespace

bool is_program_entry(const std::string& name) {
  return is_old_program(name) || find_models(name) != std::string::npos;
}

Result<Pt2Archive> open_pt2_archive(std::shared_ptr<const Storage> bytes, const Limits& limits) {
  if (auto wrong = wrong_file(bytes->view())) return *wrong;
  formats::ZipLimits zip_limits;
  zip_limits.max_entries = limits.max_entries;
  zip_limits.max_inflated = limits.max_inflated;
  const size_t file_bytes = bytes->size();
  TRY_ASSIGN(Zip zip, Zip::open(std::move(bytes), zip_limits));
  return ArchiveReader(std::move(zip), file_bytes, limits).run();
}

}  // namespace onnxport::read
