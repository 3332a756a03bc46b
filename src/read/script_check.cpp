// libtorch's own readers never call Python, but they trust what an archive says: the element count
// of a storage is believed whatever the size of its entry, the parser of the code recurses on its
// nesting, and a method __setstate__ runs while the archive is loaded.
#include "read/script_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "formats/pickle.h"
#include "formats/torch_save.h"
#include "formats/zip.h"

namespace onnxport::read {

namespace {

using formats::Pickle;
using formats::PickleId;
using formats::PickleObject;
using formats::Zip;
using formats::ZipEntry;
using Kind = PickleObject::Kind;

constexpr size_t kMaxInflated = size_t{1} << 30;  // of all deflated entries together
constexpr int kMaxNesting = 200;                  // of brackets, blocks, containers
constexpr size_t kMaxOperators = 1000;            // in one statement

bool begins_with_one_of(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

// --- pickles ------------------------------------------------------------------------------------

// "module name", as torch.jit.save writes them.
bool is_known_global(std::string_view global) {
  if (global.starts_with("__torch__.torch.classes.")) {
    return global.starts_with("__torch__.torch.classes.quantized.");
  }
  if (begins_with_one_of(global, {"__torch__", "torch.jit._pickle ", "torch._utils _rebuild_",
                                  "torch.storage ", "collections OrderedDict",
                                  "torch._tensor _rebuild_from_type_v2", "torch device"})) {
    return true;
  }
  // torch.FloatStorage, torch.float32, torch.per_channel_affine
  if (!global.starts_with("torch ")) return false;
  const std::string_view name = global.substr(6);
  return name.ends_with("Storage") || name.starts_with("per_") ||
         formats::dtype_named(global) != DType::kUndefined;
}

int nesting_of(std::string_view text) {
  int depth = 0;
  int most = 0;
  for (char c : text) {
    if (c == '[' || c == '(' || c == '{') most = std::max(most, ++depth);
    if (c == ']' || c == ')' || c == '}') --depth;
  }
  return most;
}

class PickleCheck {
 public:
  PickleCheck(const Zip& zip, std::string storages, const Pickle& pickle)
      : zip_(zip), storages_(std::move(storages)), pickle_(pickle) {}

  Status run() {
    for (const PickleObject& o : pickle_.objects) {
      if (o.kind == Kind::kGlobal && !is_known_global(o.text)) {
        std::string name = o.text;
        std::replace(name.begin(), name.end(), ' ', '.');
        return Error{
            fmt::format("names `{}`, which no TorchScript archive needs: it is refused, and "
                        "was not executed",
                        name),
            ""};
      }
      if (o.kind == Kind::kString && nesting_of(o.text) > kMaxNesting) {
        return Error{"has a type that is nested too deep", ""};
      }
      if (o.kind == Kind::kPersistent) TRY(check_storage(o));
      if (o.kind == Kind::kCall) TRY(check_call(o));
    }
    return check_depth();
  }

 private:
  const PickleObject& at(PickleId id) const { return pickle_[id]; }

  // ('storage', torch.FloatStorage, '0', 'cpu', element count)
  Status check_storage(const PickleObject& persistent) const {
    const std::vector<PickleId>& id = at(persistent.items[0]).items;
    if (id.size() < 5 || at(id[0]).text != "storage" || at(id[4]).kind != Kind::kInt) {
      return Error{"names a storage in an unknown way", ""};
    }
    const std::string name = storages_ + at(id[2]).text;
    const ZipEntry* entry = zip_.find(name);
    if (entry == nullptr) return Error{"needs the entry `" + name + "`, which is missing", ""};
    const DType dtype = formats::dtype_named(at(id[1]).text);
    const std::array<int64_t, 1> dims = {at(id[4]).integer};
    // Quantized types have at least a byte for an element.
    auto bytes = checked_nbytes(dtype == DType::kUndefined ? DType::kUint8 : dtype, dims);
    if (bytes.ok() && *bytes <= entry->size) return {};
    return Error{fmt::format("says that `{}` holds {} elements, but it has {} bytes", name, dims[0],
                             entry->size),
                 ""};
  }

  // torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, ...)
  Status check_call(const PickleObject& call) const {
    if (call.items.size() < 2) return {};
    const std::string& callable = at(call.items[0]).text;
    const std::vector<PickleId>& args = at(call.items[1]).items;
    if (!callable.starts_with("torch._utils _rebuild_tensor") &&
        !callable.starts_with("torch._utils _rebuild_qtensor")) {
      return {};
    }
    Error wrong{"a tensor's sizes or strides are broken", ""};
    if (args.size() < 4 || at(args[0]).kind != Kind::kPersistent) return wrong;
    const std::vector<PickleId>& sizes = at(args[2]).items;
    const std::vector<PickleId>& strides = at(args[3]).items;
    if (at(args[1]).kind != Kind::kInt || sizes.size() != strides.size() || sizes.size() > 64) {
      return wrong;
    }
    int64_t last = at(args[1]).integer;
    if (last < 0) return wrong;
    bool empty = false;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const int64_t size = at(sizes[i]).integer;
      const int64_t stride = at(strides[i]).integer;
      if (at(sizes[i]).kind != Kind::kInt || at(strides[i]).kind != Kind::kInt || size < 0 ||
          stride < 0) {
        return wrong;
      }
      empty = empty || size == 0;
      int64_t reach = 0;
      if (size > 0 && (__builtin_mul_overflow(size - 1, stride, &reach) ||
                       __builtin_add_overflow(last, reach, &last))) {
        return wrong;
      }
    }
    const std::vector<PickleId>& id = at(at(args[0]).items[0]).items;
    if (empty || (id.size() >= 5 && last < at(id[4]).integer)) return {};
    return Error{"a tensor reaches outside its storage", ""};
  }

  // libtorch frees nested containers by recursion. Depth by a walk with a stack of its own; an
  // object that contains itself has no depth, and is refused too.
  Status check_depth() const {
    std::vector<int> depth(pickle_.objects.size(), 0);  // 0: not seen, -1: open
    std::vector<PickleId> stack = {pickle_.root};
    while (!stack.empty()) {
      const PickleId id = stack.back();
      const PickleObject& o = at(id);
      if (depth[id] > 0) {
        stack.pop_back();
        continue;
      }
      const bool first = depth[id] == 0;
      depth[id] = -1;
      int deepest = 0;
      bool waits = false;
      for (const auto* parts : {&o.items, &o.added, &o.state}) {
        for (PickleId part : *parts) {
          if (depth[part] == -1) return Error{"has an object that contains itself", ""};
          if (depth[part] == 0 && first) {
            stack.push_back(part);
            waits = true;
          }
          deepest = std::max(deepest, depth[part]);
        }
      }
      if (waits) continue;
      depth[id] = deepest + 1;
      if (depth[id] > 5 * kMaxNesting) return Error{"is nested too deep", ""};
      stack.pop_back();
    }
    return {};
  }

  const Zip& zip_;
  std::string storages_;
  const Pickle& pickle_;
};

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

class ArchiveCheck {
 public:
  explicit ArchiveCheck(const Zip& zip) : zip_(zip) {}

  Status run() {
    TRY(check_sizes());
    for (const ZipEntry& entry : zip_.entries()) {
      Status status = check(entry);
      if (!status.ok()) return std::move(status).error().at("archive entry `" + entry.name + "`");
    }
    return {};
  }

 private:
  // Weights are stored, code may be deflated.
  Status check_sizes() const {
    size_t inflated = 0;
    for (const ZipEntry& entry : zip_.entries()) {
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

  Status check(const ZipEntry& entry) const {
    const std::string_view name = entry.name;
    if (name.find("..") != std::string_view::npos || name.starts_with("/")) {
      return Error{"has a name that leads elsewhere", ""};
    }
    // Others libtorch does not read: the inputs of the trace, the same model for mobile phones.
    const bool pickle = name.ends_with("/data.pkl") || name.ends_with("/constants.pkl") ||
                        name.ends_with(".debug_pkl");
    const bool code = name.ends_with(".py") && name.find("/code/") != std::string_view::npos;
    if (!pickle && !code) {
      // Inflated, since a size that lies would otherwise be believed.
      if (!entry.stored) TRY(zip_.read(entry, Zip::Crc::kCheck));
      return {};
    }
    TRY_ASSIGN(std::shared_ptr<const Storage> bytes, zip_.read(entry, Zip::Crc::kCheck));
    if (code) {
      auto view = bytes->view();
      return CodeCheck().run({reinterpret_cast<const char*>(view.data()), view.size()});
    }
    TRY_ASSIGN(Pickle parsed, formats::parse_pickle(bytes->view()));
    // Storages of data.pkl are in data/, those of constants.pkl in constants/.
    const std::string folder = std::string(name.substr(0, name.size() - 4)) + "/";
    return PickleCheck(zip_, folder, parsed).run();
  }

  const Zip& zip_;
};

}  // namespace

Status check_script(const formats::Zip& zip) { return ArchiveCheck(zip).run(); }

}  // namespace onnxport::read
