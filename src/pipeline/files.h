// The files of a run, for check_files(): what each pipeline checks for itself, and the command
// together with its report and its configuration file.
#pragma once

#include <string>

#include "base/files_of_run.h"
#include "onnxport/export.h"
#include "onnxport/simplify.h"

namespace onnxport::pipeline {

// What a dump of the graph is called: PREFIX.lowered.txt.
std::string dump_path(const std::string& prefix, const std::string& stage);

FilesOfRun files_of_export(const std::string& source, const std::string& output,
                           const ExportConfig& config);
FilesOfRun files_of_verify(const std::string& source, const std::string& onnx_path);

// Where the simplified model goes: links to an output are followed, since the file is written, not
// the link to it.
std::string simplify_output(const std::string& source, const std::string& output,
                            const SimplifyConfig& config);
FilesOfRun files_of_simplify(const std::string& source, const std::string& output,
                             const SimplifyConfig& config);

// check_files(), and that nothing is written over the external data of the ONNX file. That is
// looked up only where a file is there that would be replaced.
Status check_files(const FilesOfRun& files, const std::string& onnx_path);

}  // namespace onnxport::pipeline
