#include "base/result.h"

#include <cstdio>

namespace onnxport {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "onnxport: internal error at %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace onnxport
