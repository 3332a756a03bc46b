// libtorch's own readers never call Python, but they trust what an archive says. Pickles:
// read/script_pickle.h, code: read/script_code.h.
#include "read/script_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/pickle.h"
#include "read/script_code.h"
#include "read/script_pickle.h"

namespace onnxport::read {

namespace {

using formats::Zip;
using formats::ZipEntry;

constexpr size_t kMaxInflated = size_t{256} << 20;  // of all deflated entries together
constexpr size_t kMaxCode = size_t{32} << 20;       // bytes of all code together

// Records of a few bytes that libtorch looks for.
constexpr std::array<std::string_view, 6> kNotes = {"version",         ".data/version",
                                                    "byteorder",       ".data/serialization_id",
                                                    ".format_version", ".storage_alignment"};
constexpr size_t kMaxNote = 1024;

// What its storages and expanded tensors may take beside what the archive has.
constexpr size_t kSpareBytes = size_t{1} << 30;

class ArchiveCheck {
 public:
  explicit ArchiveCheck(Zip& zip) : zip_(zip) {}

  Result<std::vector<const ZipEntry*>> run() {
    TRY(find_root());
    TRY(check_sizes());
    for (const ZipEntry& entry : zip_.entries()) {
      if (!entry.name.starts_with(root_)) continue;
      Status status = check(entry, std::string_view(entry.name).substr(root_.size()));
      if (!status.ok()) return std::move(status).error().at("archive entry `" + entry.name + "`");
    }
    TRY(check_script_code(code_));
    return std::move(needed_);
  }

 private:
  // The one folder that all is in: libtorch takes that of the first entry.
  Status find_root() {
    const std::string& first = zip_.entries().front().name;
    root_ = first.substr(0, first.find('/') + 1);
    if (root_.empty() || zip_.find(root_ + "data.pkl") == nullptr) {
      return Error{"has no `data.pkl` in the folder of its first entry, `" + first +
                       "`: torch.jit.save writes one",
                   ""};
    }
    if (zip_.find(root_ + "model.json") == nullptr) return {};
    return Error{
        "was saved by PyTorch 1.2 or earlier: load it with a newer one and save it again with "
        "torch.jit.save",
        "archive entry `" + root_ + "model.json`"};
  }

  // Weights are stored, code may be deflated.
  Status check_sizes() {
    size_t inflated = 0;
    budget_ = kSpareBytes;
    for (const ZipEntry& entry : zip_.entries()) {
      budget_ += entry.size;  // no overflow: stored ones lie in the file, others have a limit
      if (entry.stored) continue;
      inflated += std::min(entry.size, kMaxInflated + 1);
      if (inflated > kMaxInflated) {
        return Error{
            fmt::format("its compressed entries claim to hold more than {} MB", kMaxInflated >> 20),
            "archive entry `" + entry.name + "`"};
      }
    }
    return {};
  }

  // `name`: below the root. What libtorch reads is held and looked through; it is not given the
  // rest: extra files, the inputs of the trace, the same model for mobile phones.
  Status check(const ZipEntry& entry, std::string_view name) {
    if (name == "data.pkl" || name == "constants.pkl") {
      return check_pickle(entry, root_ + std::string(name.substr(0, name.find('.'))) + "/");
    }
    if (name.starts_with("code/") && name.ends_with(".debug_pkl")) return check_pickle(entry, "");
    if (name.starts_with("code/") && name.ends_with(".py")) return check_code(entry);
    if (name.starts_with("data/") || name.starts_with("constants/")) {
      needed_.push_back(&entry);
      // A storage is only data. One that is deflated is inflated once.
      return entry.stored ? Status() : zip_.hold(entry);
    }
    if (std::find(kNotes.begin(), kNotes.end(), name) == kNotes.end()) return {};
    if (entry.size > kMaxNote) return Error{"is larger than torch.jit.save makes it", ""};
    needed_.push_back(&entry);
    return zip_.hold(entry);
  }

  Status check_pickle(const ZipEntry& entry, const std::string& storages) {
    needed_.push_back(&entry);
    TRY(zip_.hold(entry));
    TRY_ASSIGN(const std::shared_ptr<const Storage> bytes, zip_.read(entry, Zip::Crc::kSkip));
    TRY_ASSIGN(const formats::Pickle pickle, formats::parse_pickle(bytes->view()));
    return check_script_pickle(zip_, storages, pickle, budget_);
  }

  Status check_code(const ZipEntry& entry) {
    needed_.push_back(&entry);
    TRY(zip_.hold(entry));
    TRY_ASSIGN(std::shared_ptr<const Storage> bytes, zip_.read(entry, Zip::Crc::kSkip));
    const std::span<const std::byte> view = bytes->view();
    code_.push_back({entry.name, {reinterpret_cast<const char*>(view.data()), view.size()}});
    kept_.push_back(std::move(bytes));
    code_bytes_ += view.size();
    if (code_bytes_ <= kMaxCode) return {};
    return Error{fmt::format("all code together has more than {} MB", kMaxCode >> 20), ""};
  }

  Zip& zip_;
  std::string root_;  // with its slash
  size_t budget_ = 0;
  std::vector<const ZipEntry*> needed_;
  std::vector<CodeEntry> code_;
  std::vector<std::shared_ptr<const Storage>> kept_;  // what code_ points to
  size_t code_bytes_ = 0;
};

}  // namespace

Result<std::vector<const ZipEntry*>> check_script(Zip& zip) { return ArchiveCheck(zip).run(); }

}  // namespace onnxport::read
