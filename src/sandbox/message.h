// Numbers and texts as bytes, for what a process behind the wall sends. Whoever reads them believes
// nothing: the process may have crashed while it wrote, or be somebody else's.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace onnxport::sandbox {

class MessageWriter {
 public:
  void number(int64_t value) { put(value); }
  void real(double value) { put(value); }
  void text(std::string_view text) {
    number(static_cast<int64_t>(text.size()));
    bytes_ += text;
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <typename T>
  void put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string bytes_;
};

// Over bytes that outlive it.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }
  Result<int64_t> number() { return get<int64_t>(); }
  Result<double> real() { return get<double>(); }
  // Between `low` and `high`, both included.
  Result<int64_t> number(int64_t low, int64_t high) {
    TRY_ASSIGN(const int64_t value, number());
    return value >= low && value <= high ? Result<int64_t>(value) : Result<int64_t>(nonsense());
  }
  // Of things that take at least a byte each: never more than what is left.
  Result<size_t> count() {
    TRY_ASSIGN(const int64_t value, number(0, static_cast<int64_t>(bytes_.size())));
    return static_cast<size_t>(value);
  }
  // A view of the bytes.
  Result<std::string_view> text() {
    TRY_ASSIGN(const size_t size, count());
    if (size > bytes_.size()) return nonsense();
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }

  static Error nonsense() {
    return Error{"a process behind the sandbox's wall sent what is no answer, or half of one", ""};
  }

 private:
  template <typename T>
  Result<T> get() {
    T value{};
    if (bytes_.size() < sizeof value) return nonsense();
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view bytes_;
};

}  // namespace onnxport::sandbox
