#include "cli/arguments.h"

#include <fmt/format.h>

namespace onnxport::cli {
namespace {

using options::Form;
using options::Member;
using options::Option;
using options::Settings;

const char* type_name(const Option& option) {
  if (std::holds_alternative<Member<double>>(option.value)) return "FLOAT";
  const bool whole = std::holds_alternative<Member<int>>(option.value) ||
                     std::holds_alternative<Member<int64_t>>(option.value);
  return whole ? "INT" : "TEXT";
}

// Given again for each value: `--skip a --skip b`.
bool is_repeated(const Option& option) {
  if (std::holds_alternative<Member<std::vector<std::string>>>(option.value)) return !option.commas;
  const auto* form = std::get_if<Form>(&option.value);
  return form != nullptr && form->repeated;
}

Error at_flag(const Option& option, const Error& error) {
  return Error{error.message,
               options::spelled(option) + (error.where.empty() ? "" : " " + error.where)};
}

}  // namespace

Arguments::Arguments(CLI::App& app, options::Command command, const std::string& description)
    : app_(app.add_subcommand(options::name_of(command), description)), command_(command) {
  for (const Option* option : options::rows_of(command)) add(*option);
}

void Arguments::add(const Option& row) {
  Given& given = all_.emplace_back();
  given.row = &row;
  if (std::holds_alternative<Member<bool>>(row.value)) return add_flag(given);
  const std::string description = options::description(row);
  const auto* form = std::get_if<Form>(&row.value);
  if (form != nullptr && form->is_flag) {
    given.value = app_->add_flag(row.flag, given.text, description);
    return;
  }
  CLI::Option* added =
      is_repeated(row)
          ? app_->add_option(row.flag, given.texts, description)->allow_extra_args(false)
          : app_->add_option(row.flag, given.text, description);
  added->required(row.required)->type_name(type_name(row));
  if (form == nullptr && *row.key != '\0') {
    added->default_str(options::default_text(row));
  }
  given.value = added;
}

// What a configuration file can set can be set back: the opposite of the flag is there too, though
// --help does not list it.
void Arguments::add_flag(Given& given) {
  const Option& row = *given.row;
  const bool off = options::turns_off(row);
  const std::string description = options::description(row);
  (off ? given.off : given.on) = app_->add_flag(row.flag, description);
  if (*row.key == '\0') return;
  const std::string opposite = (off ? "--" : "--no-") + options::long_name(row);
  (off ? given.on : given.off) = app_->add_flag(opposite)->group("");
}

std::vector<std::string> Arguments::texts_of(const Given& given) {
  std::vector<std::string> texts;
  if (given.on != nullptr && given.on->count() > 0) texts.emplace_back("true");
  if (given.off != nullptr && given.off->count() > 0) texts.emplace_back("false");
  if (!texts.empty()) return texts;
  if (given.value == nullptr || given.value->count() == 0) return {};
  return is_repeated(*given.row) ? given.texts : std::vector{given.text};
}

const Option* Arguments::given_row(const std::string& key) const {
  for (const Given& given : all_) {
    const bool named = key == given.row->key || key == options::spelled(*given.row);
    if (named && !texts_of(given).empty()) return given.row;
  }
  return nullptr;
}

Result<Settings> Arguments::read() const {
  Settings settings;
  for (const Given& given : all_) {
    const auto texts = texts_of(given);
    if (texts.empty() || options::spelled(*given.row) != "--config") continue;
    const bool of_export = (command_ & options::kOfExport) != 0;
    const unsigned commands = of_export ? options::kOfExport : command_;
    if (auto error = options::read_settings(texts.back(), commands, settings)) {
      return Error{error->text(), ""};
    }
  }
  for (const Given& given : all_) {
    const auto texts = texts_of(given);
    if (texts.empty()) continue;
    if (std::holds_alternative<Member<bool>>(given.row->value) && texts.size() > 1) {
      const std::string name = options::long_name(*given.row);
      return Error{fmt::format("--{} and --no-{} exclude each other", name, name), ""};
    }
    Status status = options::read_texts(*given.row, texts, settings);
    if (!status.ok()) return at_flag(*given.row, status.error());
  }
  if (auto error = options::check(settings, command_)) {
    const Option* row = given_row(error->key);
    return row != nullptr ? at_flag(*row, Error{error->message, ""}) : Error{error->text(), ""};
  }
  return settings;
}

}  // namespace onnxport::cli
