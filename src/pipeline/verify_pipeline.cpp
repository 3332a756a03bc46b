// verify_model(): the proof alone.
#include "onnx/read.h"
#include "pipeline/export_pipeline.h"
#include "pipeline/facts.h"
#include "pipeline/proof.h"
#include "pipeline/session.h"
#include "pipeline/shapes.h"
#include "pipeline/source.h"
#include "read/checksums.h"

namespace onnxport::pipeline {

Report run_verify(const std::string& source, const std::string& onnx_path,
                  const ExportConfig& config, const Progress& progress,
                  const std::stop_token& cancel) {
  Report report = fresh_report(source, onnx_path);
  report.writes = false;
  Session session(report, progress, cancel, limits_of(config));
  std::unique_ptr<Source> model;

  auto read = [&]() -> Status {
    TRY_ASSIGN(const onnx::Model file, onnx::read_model(onnx_path));
    TRY_ASSIGN(model, read_source(source, with_shapes_of(file, config)));
    facts::fill_summary(file, report);
    report.file_bytes = facts::size_on_disk(onnx_path);
    report.notes = model->program().notes;
    return {};
  };
  auto proof = [&]() -> Status {
    TRY(read::check_sums(source, session.cancel()));
    Claim claim;
    TRY_ASSIGN(claim.ranges, shapes::drawn_ranges(model->program(), config));
    return prove(*model, onnx_path, claim, config, session, report);
  };

  Status status = check_settings(config);
  if (status.ok()) status = session.stage("read", read);
  if (status.ok()) status = session.stage("verify", proof);
  session.finish(status);
  return report;
}

}  // namespace onnxport::pipeline
