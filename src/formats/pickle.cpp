// The pickle machine (Lib/pickletools.py documents every opcode): a stack, a stack of marks, a
// memo. One loop over the bytes, no recursion; each opcode makes at most one object, so the number
// of objects is bounded by the input.
#include "formats/pickle.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace onnxport::formats {

namespace {

using Kind = PickleObject::Kind;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const PickleLimits& limits)
      : bytes_(bytes), limits_(limits) {}

  Result<Pickle> run() {
    while (!stopped_) {
      opcode_at_ = at_;
      TRY_ASSIGN(uint64_t opcode, little(1));
      if (Status s = step(static_cast<unsigned char>(opcode)); !s.ok()) {
        return std::move(s).error().at(fmt::format("pickle byte {}", opcode_at_));
      }
      if (pickle_.objects.size() > limits_.max_objects) {
        return Error{fmt::format("has more than {} objects", limits_.max_objects), "pickle"};
      }
    }
    return std::move(pickle_);
  }

 private:
  // --- reading
  // ------------------------------------------------------------------------------------
  Result<std::string_view> take(uint64_t n) {
    if (n > bytes_.size() - at_) {
      return Error{fmt::format("the pickle is cut off ({} more bytes needed, {} left)", n,
                               bytes_.size() - at_),
                   ""};
    }
    std::string_view out(reinterpret_cast<const char*>(bytes_.data()) + at_, n);
    at_ += n;
    return out;
  }
  Result<uint64_t> little(int n) {
    TRY_ASSIGN(std::string_view raw, take(static_cast<uint64_t>(n)));
    uint64_t out = 0;
    for (int i = n; i-- > 0;)
      out = out << 8 | static_cast<unsigned char>(raw[static_cast<size_t>(i)]);
    return out;
  }
  Result<std::string_view> line() {
    std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) return Error{"the pickle is cut off in a line", ""};
    at_ += end + 1;
    return rest.substr(0, end);
  }

  // --- the stack
  // ----------------------------------------------------------------------------------
  Status push(PickleObject object) {
    pickle_.objects.push_back(std::move(object));
    stack_.push_back(static_cast<PickleId>(pickle_.objects.size() - 1));
    return {};
  }
  Status push_kind(Kind kind) {
    PickleObject object;
    object.kind = kind;
    return push(std::move(object));
  }
  // None, True and False are one object each.
  Status push_constant(Kind kind, bool value) {
    std::optional<PickleId>& known = constants_[kind == Kind::kNone ? 2 : value ? 1 : 0];
    if (known) {
      stack_.push_back(*known);
      return {};
    }
    TRY(push_int(kind, value ? 1 : 0));
    known = stack_.back();
    return {};
  }
  Status push_int(Kind kind, int64_t value) {
    PickleObject object;
    object.kind = kind;
    object.integer = value;
    return push(std::move(object));
  }
  Status push_float(double value) {
    PickleObject object;
    object.kind = Kind::kFloat;
    object.number = value;
    return push(std::move(object));
  }
  Status push_text(Kind kind, std::string_view text) {
    PickleObject object;
    object.kind = kind;
    object.text = std::string(text);
    return push(std::move(object));
  }
  Status push_items(Kind kind, std::vector<PickleId> items) {
    PickleObject object;
    object.kind = kind;
    object.items = std::move(items);
    return push(std::move(object));
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Result<PickleId> pop() {
    if (stack_.size() <= floor()) return Error{"takes more from the stack than is there", ""};
    PickleId id = stack_.back();
    stack_.pop_back();
    return id;
  }
  Result<PickleId> top() {
    if (stack_.size() <= floor()) return Error{"needs an object on the stack", ""};
    return stack_.back();
  }
  Result<std::vector<PickleId>> pop_to_mark() {
    if (marks_.empty()) return Error{"needs a mark on the stack", ""};
    auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleId> out(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return out;
  }
  // Whoever writes a pickle counts its objects: there are not more than bytes. Others would make a
  // reader whose memo is a table allocate one of that size.
  Status memoize(uint64_t key) {
    TRY_ASSIGN(PickleId id, top());
    if (key > bytes_.size()) {
      return Error{fmt::format("has memo {} in {} bytes", key, bytes_.size()), ""};
    }
    memo_[key] = id;
    return {};
  }
  Status recall(uint64_t key) {
    auto it = memo_.find(key);
    if (it == memo_.end()) return Error{fmt::format("memo {} was never set", key), ""};
    stack_.push_back(it->second);
    return {};
  }
  Status tuple(int n) {
    std::vector<PickleId> items(static_cast<size_t>(n));
    for (size_t i = items.size(); i-- > 0;) {
      TRY_ASSIGN(items[i], pop());
    }
    return push_items(Kind::kTuple, std::move(items));
  }
  Status add_items(std::vector<PickleId> items, bool pairs) {
    if (pairs && items.size() % 2 != 0) return Error{"sets a key without a value", ""};
    TRY_ASSIGN(PickleId id, top());
    PickleObject& target = pickle_.objects[id];
    const bool made = target.kind == Kind::kCall || target.kind == Kind::kNew;
    const bool fits = made || (pairs ? target.kind == Kind::kDict
                                     : target.kind == Kind::kList || target.kind == Kind::kSet);
    if (!fits) return Error{"adds items to something that has none", ""};
    auto& to = made ? target.added : target.items;
    to.insert(to.end(), items.begin(), items.end());
    return {};
  }
  Status call(size_t operands,
              Kind kind) {  // callable and arguments; NEWOBJ_EX has keyword arguments too
    PickleId kwargs = 0;
    if (operands == 3) {
      TRY_ASSIGN(kwargs, pop());
      if (!pickle_.objects[kwargs].items.empty()) return Error{"calls with keyword arguments", ""};
    }
    TRY_ASSIGN(PickleId args, pop());
    TRY_ASSIGN(PickleId callable, pop());
    if (pickle_.objects[args].kind != Kind::kTuple) return Error{"calls without a tuple", ""};
    return push_items(kind, {callable, args});
  }

  // --- opcodes
  // ------------------------------------------------------------------------------------
  Status sized_text(Kind kind, int length_bytes) {
    TRY_ASSIGN(uint64_t n, little(length_bytes));
    TRY_ASSIGN(std::string_view text, take(n));
    return push_text(kind, text);
  }
  Status long_int(uint64_t n) {  // little endian, two's complement, any length
    TRY_ASSIGN(std::string_view raw, take(n));
    if (n > 8) return Error{"has an integer beyond 64 bits", ""};
    uint64_t value = n > 0 && (raw[n - 1] & 0x80) != 0 ? ~uint64_t{0} : 0;
    for (size_t i = n; i-- > 0;) value = value << 8 | static_cast<unsigned char>(raw[i]);
    return push_int(Kind::kInt, static_cast<int64_t>(value));
  }
  Status text_int() {
    TRY_ASSIGN(std::string_view text, line());
    if (text == "00" || text == "01") return push_constant(Kind::kBool, text == "01");
    if (text.ends_with('L')) text.remove_suffix(1);
    int64_t value = 0;
    auto r = std::from_chars(text.data(), text.data() + text.size(), value);
    if (r.ec != std::errc() || r.ptr != text.data() + text.size()) {
      return Error{"has a number that cannot be read", ""};
    }
    return push_int(Kind::kInt, value);
  }
  Status big_endian_float() {
    TRY_ASSIGN(std::string_view raw, take(8));
    uint64_t bits = 0;
    for (char c : raw) bits = bits << 8 | static_cast<unsigned char>(c);
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return push_float(value);
  }
  Status global() {
    TRY_ASSIGN(std::string_view module, line());
    TRY_ASSIGN(std::string_view name, line());
    return push_text(Kind::kGlobal, std::string(module) + " " + std::string(name));
  }
  Status stack_global() {
    TRY_ASSIGN(PickleId name, pop());
    TRY_ASSIGN(PickleId module, pop());
    return push_text(Kind::kGlobal,
                     pickle_.objects[module].text + " " + pickle_.objects[name].text);
  }
  Status build() {
    TRY_ASSIGN(PickleId state, pop());
    TRY_ASSIGN(PickleId target, top());
    const Kind kind = pickle_.objects[target].kind;
    if (kind != Kind::kCall && kind != Kind::kNew) {
      return Error{"gives a state to something that has none", ""};
    }
    pickle_.objects[target].state.push_back(state);
    return {};
  }
  Status collect(Kind kind) {
    TRY_ASSIGN(std::vector<PickleId> items, pop_to_mark());
    if (kind == Kind::kDict && items.size() % 2 != 0) return Error{"has a key without a value", ""};
    return push_items(kind, std::move(items));
  }
  Status add_one(bool pair) {
    std::vector<PickleId> items(pair ? 2 : 1);
    for (size_t i = items.size(); i-- > 0;) {
      TRY_ASSIGN(items[i], pop());
    }
    return add_items(std::move(items), pair);
  }
  Status add_many(bool pairs) {
    TRY_ASSIGN(std::vector<PickleId> items, pop_to_mark());
    return add_items(std::move(items), pairs);
  }
  Status indexed(int bytes, Status (Machine::*f)(uint64_t)) {
    TRY_ASSIGN(uint64_t key, little(bytes));
    return (this->*f)(key);
  }
  Status text_indexed(Status (Machine::*f)(uint64_t)) {
    TRY_ASSIGN(std::string_view text, line());
    uint64_t key = 0;
    const auto r = std::from_chars(text.data(), text.data() + text.size(), key);
    if (r.ec != std::errc() || r.ptr != text.data() + text.size()) {
      return Error{"has a memo whose number cannot be read", ""};
    }
    return (this->*f)(key);
  }
  Status stop() {
    TRY_ASSIGN(pickle_.root, pop());
    stopped_ = true;
    return {};
  }
  Status skip(int bytes) {
    TRY_ASSIGN(uint64_t ignored, little(bytes));
    (void)ignored;
    return {};
  }
  Status persistent() {
    TRY_ASSIGN(PickleId id, pop());
    return push_items(Kind::kPersistent, {id});
  }
  Status pop_one() {
    if (!marks_.empty() && stack_.size() == marks_.back()) {
      marks_.pop_back();
      return {};
    }
    TRY_ASSIGN(PickleId id, pop());
    (void)id;
    return {};
  }
  Status duplicate() {
    TRY_ASSIGN(PickleId id, top());
    stack_.push_back(id);
    return {};
  }
  Status drop_to_mark() {
    TRY_ASSIGN(std::vector<PickleId> dropped, pop_to_mark());
    return {};
  }
  Status signed_int32() {
    TRY_ASSIGN(uint64_t raw, little(4));
    return push_int(Kind::kInt, static_cast<int32_t>(static_cast<uint32_t>(raw)));
  }
  Status unsigned_int(int bytes) {
    TRY_ASSIGN(uint64_t raw, little(bytes));
    return push_int(Kind::kInt, static_cast<int64_t>(raw));
  }
  Status text_line(Kind kind) {
    TRY_ASSIGN(std::string_view text, line());
    return push_text(kind, text);
  }
  Status
  quoted_line() {  // protocol 0: the string as repr() writes it; escapes are kept as they are
    TRY_ASSIGN(std::string_view text, line());
    if (text.size() < 2 || text.front() != text.back())
      return Error{"has a string without quotes", ""};
    return push_text(Kind::kString, text.substr(1, text.size() - 2));
  }
  Status text_float() {
    TRY_ASSIGN(std::string_view text, line());
    return push_float(std::strtod(std::string(text).c_str(), nullptr));
  }
  Status text_persistent() {
    TRY(text_line(Kind::kString));
    return persistent();
  }

  Status step(unsigned char opcode) {
    switch (opcode) {
      case 0x80:
        return skip(1);  // PROTO
      case 0x95:
        return skip(8);  // FRAME
      case '.':
        return stop();
      case '(':
        marks_.push_back(stack_.size());
        return {};
      case '0':
        return pop_one();
      case '1':
        return drop_to_mark();
      case '2':
        return duplicate();
      case 'N':
        return push_constant(Kind::kNone, false);
      case 0x88:
        return push_constant(Kind::kBool, true);
      case 0x89:
        return push_constant(Kind::kBool, false);
      case 'I':
      case 'L':
        return text_int();
      case 'J':
        return signed_int32();
      case 'K':
        return unsigned_int(1);
      case 'M':
        return unsigned_int(2);
      case 0x8a:
        return indexed(1, &Machine::long_int);
      case 0x8b:
        return indexed(4, &Machine::long_int);
      case 'F':
        return text_float();
      case 'G':
        return big_endian_float();
      case 'V':
        return text_line(Kind::kString);
      case 'S':
        return quoted_line();
      case 'X':
      case 'T':
        return sized_text(Kind::kString, 4);
      case 0x8c:
      case 'U':
        return sized_text(Kind::kString, 1);
      case 0x8d:
        return sized_text(Kind::kString, 8);
      case 'B':
        return sized_text(Kind::kBytes, 4);
      case 'C':
        return sized_text(Kind::kBytes, 1);
      case 0x8e:
      case 0x96:
        return sized_text(Kind::kBytes, 8);
      case ')':
        return push_kind(Kind::kTuple);
      case ']':
        return push_kind(Kind::kList);
      case '}':
        return push_kind(Kind::kDict);
      case 0x8f:
        return push_kind(Kind::kSet);
      case 't':
        return collect(Kind::kTuple);
      case 'l':
        return collect(Kind::kList);
      case 'd':
        return collect(Kind::kDict);
      case 0x91:
        return collect(Kind::kSet);
      case 0x85:
        return tuple(1);
      case 0x86:
        return tuple(2);
      case 0x87:
        return tuple(3);
      case 'a':
        return add_one(false);
      case 'e':
      case 0x90:
        return add_many(false);
      case 's':
        return add_one(true);
      case 'u':
        return add_many(true);
      case 'c':
        return global();
      case 0x93:
        return stack_global();
      case 'R':
        return call(2, Kind::kCall);
      case 0x81:
        return call(2, Kind::kNew);
      case 0x92:
        return call(3, Kind::kNew);
      case 'b':
        return build();
      case 'Q':
        return persistent();
      case 'P':
        return text_persistent();
      case 'h':
        return indexed(1, &Machine::recall);
      case 'j':
        return indexed(4, &Machine::recall);
      case 'g':
        return text_indexed(&Machine::recall);
      case 'q':
        return indexed(1, &Machine::memoize);
      case 'r':
        return indexed(4, &Machine::memoize);
      case 'p':
        return text_indexed(&Machine::memoize);
      case 0x94:
        return memoize(memo_.size());
      default:
        return Error{fmt::format("opcode 0x{:02x} is not one that stored data needs", opcode), ""};
    }
  }

  std::span<const std::byte> bytes_;
  PickleLimits limits_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  bool stopped_ = false;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<size_t> marks_;
  std::array<std::optional<PickleId>, 3> constants_;
  std::unordered_map<uint64_t, PickleId> memo_;
};

}  // namespace

Result<Pickle> parse_pickle(std::span<const std::byte> bytes, const PickleLimits& limits) {
  return Machine(bytes, limits).run();
}

}  // namespace onnxport::formats
