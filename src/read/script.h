// Reader for TorchScript archives (torch.jit.save, torch 1.8 to 2.15). The archive is looked
// through here first, with our own zip and pickle readers; libtorch, behind its plugin, then turns
// it into a program.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"
#include "sandbox/wall.h"

namespace onnxport::read {

// The archive's directory, read once, over the mapped file.
class ScriptArchive {
 public:
  // nullopt when the file is no TorchScript archive, by its content.
  static std::optional<ScriptArchive> open(const std::string& path);

  // Looks the archive through (read/script_check.h) and gives what libtorch may load of it: code,
  // pickles and the like from memory, weights from the mapped file. Errors name the file.
  Result<libtorch::ScriptFile> check() const;

  // The program, functional and validated, as read_pt2 gives it. `file` is what check() gave.
  // libtorch loads it in a process behind the sandbox's wall. Errors name the file.
  Result<aten::Program> read(const libtorch::ScriptFile& file,
                             const libtorch::ScriptOptions& options, libtorch::Plugin& plugin,
                             const sandbox::Policy& policy) const;

 private:
  struct Content;
  explicit ScriptArchive(std::shared_ptr<Content> content) : content_(std::move(content)) {}
  std::shared_ptr<Content> content_;
};

}  // namespace onnxport::read
