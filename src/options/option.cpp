#include "options/option.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace onnxport::options {
namespace {

constexpr std::string_view kOff = "--no-";

}  // namespace

const char* name_of(Command command) {
  switch (command) {
    case kExport:
      return "export";
    case kVerify:
      return "verify";
    case kCheck:
      return "check";
    case kInspect:
      return "inspect";
    case kSimplify:
      return "simplify";
  }
  return "";
}

std::string spelled(const Option& option) {
  const std::string flag = option.flag;
  const size_t comma = flag.find(',');
  return comma == std::string::npos ? flag : flag.substr(comma + 1);
}

bool is_positional(const Option& option) { return option.flag[0] != '-' && option.flag[0] != '\0'; }

bool turns_off(const Option& option) { return spelled(option).starts_with(kOff); }

std::string long_name(const Option& option) {
  const std::string name = spelled(option);
  return name.substr(turns_off(option) ? kOff.size() : name.find_first_not_of('-'));
}

std::string description(const Option& option) {
  const auto [low, high] = option.limits;
  return std::isfinite(high) ? fmt::format("{}, {} to {}", option.help, low, high) : option.help;
}

std::string default_text(const Option& option) {
  Settings settings;
  return std::visit(
      [&](auto value) -> std::string {
        using T = decltype(value);
        if constexpr (std::is_same_v<T, Form>) {
          return value.unset;
        } else if constexpr (std::is_same_v<T, Member<std::vector<std::string>>>) {
          return fmt::format("{}", fmt::join(value(settings), ","));
        } else {
          return fmt::format("{}", value(settings));
        }
      },
      option.value);
}

}  // namespace onnxport::options
