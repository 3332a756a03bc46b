// A command's options, as the table has them (options/table.h), for CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <deque>
#include <string>
#include <vector>

#include "base/result.h"
#include "options/table.h"

namespace onnxport::cli {

class Arguments {
 public:
  // Adds the command to `app`, which keeps references into this object.
  Arguments(CLI::App& app, options::Command command, const std::string& description);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  const CLI::App& command() const { return *app_; }
  bool was_called() const { return app_->parsed(); }

  // What was asked: the configuration file first, then what the command line says besides. The
  // error names the option or the key.
  Result<options::Settings> read() const;

 private:
  struct Given {
    const options::Option* row = nullptr;
    const CLI::Option* value = nullptr;
    const CLI::Option *on = nullptr, *off = nullptr;  // of a bool
    std::vector<std::string> texts;                   // of an option that is given several times
    std::string text;
  };
  void add(const options::Option& row);
  void add_flag(Given& given);
  // What the command line says of the option; empty when nothing.
  static std::vector<std::string> texts_of(const Given& given);
  const options::Option* given_row(const std::string& key) const;

  CLI::App* app_;
  options::Command command_;
  std::deque<Given> all_;
};

}  // namespace onnxport::cli
