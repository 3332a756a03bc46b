#include "pipeline/files.h"

#include <algorithm>
#include <filesystem>

#include "onnx/model_files.h"
#include "pipeline/export_pipeline.h"

namespace onnxport::pipeline {
namespace {

namespace fs = std::filesystem;

void add_output(FilesOfRun& files, const std::string& output, const std::string& what) {
  files.written.push_back({what, output});
  files.written.push_back({"the external data of " + what, output + ".data"});
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  return fs::equivalent(a, b, error);
}

}  // namespace

std::string dump_path(const std::string& prefix, const std::string& stage) {
  return prefix + "." + stage + ".txt";
}

FilesOfRun files_of_export(const std::string& source, const std::string& output,
                           const ExportConfig& config) {
  FilesOfRun files;
  files.read.push_back({"the model it is made from", source});
  if (output.empty()) return files;
  add_output(files, output, "the output");
  if (config.verify) add_output(files, failed_path(output), "the output that differs");
  files.written.push_back({"the text of the program", config.dump_program});
  if (config.dump_graph.empty()) return files;
  for (const char* stage : {"lowered", "simplified"}) {
    files.written.push_back({"the text of the graph", dump_path(config.dump_graph, stage)});
  }
  return files;
}

FilesOfRun files_of_verify(const std::string& source, const std::string& onnx_path) {
  return {{{"the model", source}, {"the ONNX file", onnx_path}}, {}};
}

std::string simplify_output(const std::string& source, const std::string& output,
                            const SimplifyConfig& config) {
  std::string path = output;
  if (path.empty()) path = config.overwrite ? source : simplified_path(source);
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path real = fs::canonical(path, error);
  return error ? path : real.string();
}

FilesOfRun files_of_simplify(const std::string& source, const std::string& output,
                             const SimplifyConfig& config) {
  FilesOfRun files;
  const std::string path = simplify_output(source, output, config);
  const bool in_place = config.overwrite && same_file(source, path);
  if (!in_place)
    files.read.push_back({"the original", source, "choose another name, or say --overwrite"});
  add_output(files, path, "the output");
  return files;
}

Status check_files(const FilesOfRun& files, const std::string& onnx_path) {
  TRY(onnxport::check_files(files));
  const std::string own_data = onnx_path + ".data";  // goes with a file that is replaced
  std::vector<NamedFile> replaced;
  std::error_code error;
  for (const NamedFile& file : files.written) {
    const bool own =
        same_file(file.path, onnx_path) ||
        (same_file(file.path, own_data) &&
         std::any_of(files.written.begin(), files.written.end(),
                     [&](const NamedFile& f) { return same_file(f.path, onnx_path); }));
    if (!own && fs::exists(file.path, error)) replaced.push_back(file);
  }
  if (replaced.empty()) return {};
  const auto model = onnx::open_model_files(onnx_path);
  if (!model.ok()) return {};  // said better by who needs it
  FilesOfRun data;
  for (const auto& [location, file] : model->external) {
    data.read.push_back({"the external data of the model", file->path()});
  }
  data.written = std::move(replaced);
  return onnxport::check_files(data);
}

}  // namespace onnxport::pipeline
