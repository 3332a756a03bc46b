// The library's functions do not throw.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "base/memory.h"
#include "onnxport/export.h"

namespace onnxport {

// Runs `pipeline`, which reports problems as it should; what a library throws all the same (memory
// that runs out, above all) ends as a refusal too: `report` with its error.
template <typename AnyReport, typename F>
AnyReport exception_boundary(AnyReport report, F pipeline) {
  std::string problem;
  try {
    return pipeline();
  } catch (const std::bad_alloc&) {
    problem = out_of_memory();
  } catch (const std::exception& e) {
    problem = e.what();
  }
  report.error = report.source_path + ": " + problem;
  return report;
}

}  // namespace onnxport
