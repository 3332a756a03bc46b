// Reader for TorchScript archives (torch.jit.save, torch 1.8 to 2.15). The archive is looked
// through here first, with our own zip and pickle readers; libtorch, behind its plugin, then turns
// it into a program.
#pragma once

#include <string>

#include "aten/program.h"
#include "base/result.h"
#include "libtorch/plugin.h"

namespace onnxport::read {

// Whether the file is a TorchScript archive, by its content.
bool is_script(const std::string& path);

// The program, functional and validated, as read_pt2 gives it. Errors name the file.
Result<aten::Program> read_script(const std::string& path, const libtorch::ScriptOptions& options,
                                  libtorch::Plugin& plugin);

}  // namespace onnxport::read
