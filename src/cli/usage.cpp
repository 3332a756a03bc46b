#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <vector>

#include "base/nearest.h"

namespace onnxport::cli {
namespace {

constexpr int kUsage = 2;

// "; did you mean `export`?", or nothing where no known word is near.
std::string guess(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string> found = near(word, known);
  return found.empty() ? "" : fmt::format("; did you mean `{}`?", found.front());
}

std::string unknown_command(const CLI::App& app) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    commands.push_back(command->get_name());
  }
  const std::vector<std::string> words = app.remaining();
  if (words.empty()) return fmt::format("name a command: {}", fmt::join(commands, ", "));
  if (words.front().starts_with("-")) {
    return fmt::format("name a command before `{}`: {}", words.front(), fmt::join(commands, ", "));
  }
  const std::string nearest = guess(words.front(), commands);
  return fmt::format(
      "there is no command `{}`{}", words.front(),
      nearest.empty() ? fmt::format("; the commands are {}", fmt::join(commands, ", ")) : nearest);
}

// What the command, or what stands before it, has too much.
std::string unexpected(const CLI::App& app, const CLI::App& command) {
  std::vector<std::string> options;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (const std::string& word : command.remaining()) {
    if (!word.starts_with("-")) continue;
    const std::string name = word.substr(0, word.find('='));
    return fmt::format("`{}` has no option `{}`{}", command.get_name(), name, guess(name, options));
  }
  if (!command.remaining().empty()) {
    return fmt::format("`{}` does not take `{}` besides what stands before it", command.get_name(),
                       fmt::join(command.remaining(), " "));
  }
  const std::vector<std::string> words = app.remaining();
  return fmt::format("`{}` is out of place: put it behind `{}`, if it is one of its options",
                     words.empty() ? "--" : words.front(), command.get_name());
}

std::string missing(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_required() || option->count() > 0) continue;
    return fmt::format("`{}` needs {}: {}", command.get_name(), option->get_name(),
                       option->get_description());
  }
  return "";
}

std::string problem_of(const CLI::App& app, const CLI::App* command, const CLI::ParseError& error) {
  if (command == nullptr) return unknown_command(app);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unexpected(app, *command);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return missing(*command);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string what = error.what();
    return what.substr(0, what.find(':')) + " needs a value";
  }
  return "";
}

}  // namespace

int usage_error(const Screen& screen, const std::string& message, const std::string& command) {
  print_error(screen, message);
  print_note(fmt::format("  `onnxport {}--help` lists the {}", command.empty() ? "" : command + " ",
                         command.empty() ? "commands" : "options"));
  return kUsage;
}

int parse_error(const Screen& screen, const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> commands = app.get_subcommands();
  const CLI::App* command = commands.empty() ? nullptr : commands.front();
  const std::string problem = problem_of(app, command, error);
  return usage_error(screen, problem.empty() ? error.what() : problem,
                     command == nullptr ? "" : command->get_name());
}

}  // namespace onnxport::cli
