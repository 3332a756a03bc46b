#include "cli/operators_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/terminal.h"
#include "cli/usage.h"
#include "lower/operators.h"
#include "onnxport/export.h"

namespace onnxport::cli {
namespace {

using lower::OpsetNeed;
using lower::SupportedOperator;
using lower::SupportedOverload;

std::string lowercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// What the filter names, with the overloads that the opset has.
std::vector<SupportedOperator> selected(const OperatorsOptions& o) {
  std::vector<SupportedOperator> out;
  for (SupportedOperator& op : lower::supported_operators()) {
    if (lowercase(op.name).find(lowercase(o.filter)) == std::string::npos) continue;
    std::erase_if(op.overloads, [&](const SupportedOverload& overload) {
      return o.opset != 0 && overload.since > o.opset;
    });
    if (!op.overloads.empty()) out.push_back(std::move(op));
  }
  return out;
}

const char* name_of(const SupportedOverload& overload) {
  return overload.name.empty() ? "default" : overload.name.c_str();
}

// "grid_sample of volumes from 20", once for all overloads; overloads that need more than others.
std::string remarks(const SupportedOperator& op) {
  std::vector<std::string> out;
  auto add = [&](std::string text) {
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  };
  for (const SupportedOverload& overload : op.overloads) {
    if (overload.since > op.since()) {
      add(fmt::format("{} from {}", name_of(overload), overload.since));
    }
    for (const OpsetNeed& part : overload.parts) {
      add(fmt::format("{} from {}", part.what, part.opset));
    }
  }
  return fmt::format("{}", fmt::join(out, "; "));
}

std::string table(const std::vector<SupportedOperator>& operators) {
  std::vector<std::vector<std::string>> rows = {{"operator", "overloads", "opset", "remarks"}};
  size_t overloads = 0;
  for (const SupportedOperator& op : operators) {
    std::vector<const char*> names;
    for (const SupportedOverload& overload : op.overloads) names.push_back(name_of(overload));
    overloads += names.size();
    rows.push_back({op.name, fmt::format("{}", fmt::join(names, ", ")),
                    fmt::format("{}", op.since()), remarks(op)});
  }
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = fmt::format("{:{}}  {:{}}  {:{}}  {}", row[0], widths[0], row[1], widths[1],
                                   row[2], widths[2], row[3]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out + fmt::format("\n{} operators, {} overloads\n", operators.size(), overloads);
}

std::string json(const std::vector<SupportedOperator>& operators) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const SupportedOperator& op : operators) {
    nlohmann::ordered_json overloads = nlohmann::ordered_json::array();
    for (const SupportedOverload& overload : op.overloads) {
      nlohmann::ordered_json parts = nlohmann::ordered_json::array();
      for (const OpsetNeed& part : overload.parts) {
        parts.push_back({{"what", part.what}, {"opset", part.opset}});
      }
      overloads.push_back({{"name", name_of(overload)},
                           {"opset", overload.since},
                           {"parts", parts},
                           {"schema", overload.schema}});
    }
    out.push_back({{"operator", op.name}, {"opset", op.since()}, {"overloads", overloads}});
  }
  return out.dump(2) + "\n";
}

}  // namespace

void add_operators(CLI::App& app, OperatorsOptions& o) {
  CLI::App& c = *app.add_subcommand("operators",
                                    "List the operators that can be converted, and from which "
                                    "opset on");
  c.add_option("filter", o.filter, "only operators whose name has this in it");
  c.add_option("--opset", o.opset, "only what can be converted at this opset");
  c.add_flag("--json", o.json, "as JSON, with every overload's schema");
}

int run_operators(const OperatorsOptions& o) {
  if (o.opset != 0 && (o.opset < lower::kLeastOpset || o.opset > newest_opset())) {
    return usage_error(look(false),
                       fmt::format("--opset: opset {} is not supported: {} to {} are", o.opset,
                                   lower::kLeastOpset, newest_opset()),
                       "operators");
  }
  const std::vector<SupportedOperator> operators = selected(o);
  if (operators.empty()) {
    print_error(look(false),
                fmt::format("no operator that can be converted is named like `{}`{}", o.filter,
                            o.opset == 0 ? "" : fmt::format(" at opset {}", o.opset)));
    return 1;
  }
  print(o.json ? json(operators) : table(operators));
  return 0;
}

}  // namespace onnxport::cli
