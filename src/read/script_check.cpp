// libtorch's own readers never call Python, but they trust what an archive says: the parser of the
// code recurses on its nesting, and a method __setstate__ runs while the archive is loaded.
// Pickles: read/script_pickle.h.
#include "read/script_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "formats/pickle.h"
#include "read/script_pickle.h"

namespace onnxport::read {

namespace {

using formats::Zip;
using formats::ZipEntry;

constexpr size_t kMaxInflated = size_t{1} << 30;  // of all deflated entries together
constexpr int kMaxNesting = 200;                  // of brackets, blocks
constexpr size_t kMaxOperators = 1000;            // in one statement

bool begins_with_one_of(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

// --- code ---------------------------------------------------------------------------------------

// What reaches outside the process, in the words in which archives call it.
constexpr std::array<std::string_view, 6> kForbidden = {
    "torch.save(", "torch.from_file(", "torch.load(", "aten.save(", "aten.from_file(", "ops.rpc."};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// One line (of the file, or of a statement over several): brackets still open are carried on.
class CodeCheck {
 public:
  Status run(std::string_view code) {
    while (!code.empty()) {
      const size_t end = std::min(code.find('\n'), code.size());
      TRY(line(code.substr(0, end)));
      code.remove_prefix(std::min(end + 1, code.size()));
      ++number_;
    }
    return {};
  }

 private:
  Status line(std::string_view text) {
    const size_t indent = std::min(text.find_first_not_of(" \t"), text.size());
    std::string_view words = text.substr(indent);
    if (indent > 4 * kMaxNesting) return wrong("is nested too deep");
    if (words.starts_with("def ")) in_setstate_ = words.starts_with("def __setstate__");
    if (in_setstate_ && begins_with_one_of(words, {"while ", "for "})) {
      return wrong("would run a loop while the archive is loaded (__setstate__)");
    }
    if (depth_ == 0) operators_ = 0;
    char quote = 0;
    for (size_t i = 0; i < words.size(); ++i) {
      const char c = words[i];
      if (quote != 0) {
        if (c == '\\') ++i;
        if (c == quote) quote = 0;
        continue;
      }
      if (c == '#') break;
      if (c == '"' || c == '\'') quote = c;
      if (c == '(' || c == '[' || c == '{') ++depth_;
      if (c == ')' || c == ']' || c == '}') depth_ = std::max(0, depth_ - 1);
      if (depth_ > kMaxNesting) return wrong("is nested too deep");
      if (is_operator(words, i) && ++operators_ > kMaxOperators) {
        return wrong("has too many operators in one statement");
      }
      if (i > 0 && is_word(words[i - 1])) continue;
      for (std::string_view call : kForbidden) {
        if (words.substr(i).starts_with(call)) {
          return wrong(fmt::format("calls {}...), which reaches outside the model", call));
        }
      }
    }
    return {};
  }

  static bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

  // [1, -2, 3e-05]: not an operation on what stands before.
  static bool is_sign(std::string_view text, size_t at) {
    if (at >= 2 && text[at - 1] == 'e' && (is_digit(text[at - 2]) || text[at - 2] == '.'))
      return true;
    const size_t before = text.find_last_not_of(' ', at == 0 ? std::string_view::npos : at - 1);
    return at > 0 && before != std::string_view::npos &&
           std::string_view(",([").find(text[before]) != std::string_view::npos;
  }

  // What makes an expression deeper: operators, and calls and subscripts of a result. The signs and
  // points of numbers do not.
  static bool is_operator(std::string_view text, size_t at) {
    const char c = text[at];
    const char before = at > 0 ? text[at - 1] : ' ';
    if (c == '(' || c == '[') return before == ')' || before == ']';
    if (c == '.') return !is_digit(before);
    if (c == '-' || c == '+') return !is_sign(text, at);
    if (std::string_view("*/%@<>=&|^~").find(c) != std::string_view::npos) return true;
    if (is_word(before)) return false;
    return begins_with_one_of(text.substr(at),
                              {"not ", "and ", "or ", "if ", "is ", "in ", "lambda "});
  }

  Error wrong(const std::string& what) const {
    return Error{what, fmt::format("line {}", number_)};
  }

  int number_ = 1;
  int depth_ = 0;
  size_t operators_ = 0;
  bool in_setstate_ = false;
};

// --- the archive --------------------------------------------------------------------------------

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
    TRY_ASSIGN(const std::shared_ptr<const Storage> bytes, zip_.read(entry, Zip::Crc::kSkip));
    const std::span<const std::byte> view = bytes->view();
    return CodeCheck().run({reinterpret_cast<const char*>(view.data()), view.size()});
  }

  Zip& zip_;
  std::string root_;  // with its slash
  size_t budget_ = 0;
  std::vector<const ZipEntry*> needed_;
};

}  // namespace

Result<std::vector<const ZipEntry*>> check_script(Zip& zip) { return ArchiveCheck(zip).run(); }

}  // namespace onnxport::read
