// Result<T>: a value or an Error. Used wherever *data* can be wrong; a wrong *program* is a CHECK.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace onnxport {

// What was found and where. `message` says what is wrong and what to do; the `where` lines name the
// file, archive entry, node, module path or source line, innermost first.
struct Error {
  std::string message;
  std::string where;

  // Adds an outer place: Error{"bad dtype"}.at("node conv2d_3").at("model.pt2").
  Error at(std::string place) && {
    where = where.empty() ? std::move(place) : place + ": " + where;
    return std::move(*this);
  }
  std::string str() const { return where.empty() ? message : where + ": " + message; }
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

// Status: success or an Error. `return {};` or `return kOk;` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(*-explicit-*)
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace onnxport

#define ONNXPORT_CAT2(a, b) a##b
#define ONNXPORT_CAT(a, b) ONNXPORT_CAT2(a, b)

// TRY(status_expr): returns its error, if any.
#define TRY(...)                                                                                 \
  do {                                                                                           \
    if (auto try_status = (__VA_ARGS__); !try_status.ok()) return std::move(try_status).error(); \
  } while (0)

// TRY_ASSIGN(auto x, result_expr): x is the value, or the error is returned.
#define TRY_ASSIGN(lhs, ...) TRY_ASSIGN_(ONNXPORT_CAT(try_result_, __LINE__), lhs, __VA_ARGS__)
#define TRY_ASSIGN_(tmp, lhs, ...)              \
  auto tmp = (__VA_ARGS__);                     \
  if (!tmp.ok()) return std::move(tmp).error(); \
  lhs = std::move(tmp).value()

// CHECK(cond): a broken invariant of this program (never of its input): prints and aborts.
#undef CHECK  // c10's, where libtorch's headers came first
#define CHECK(cond) \
  ((cond) ? static_cast<void>(0) : ::onnxport::check_failed(#cond, __FILE__, __LINE__))
