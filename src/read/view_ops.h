// Which calls return views of their first argument, and how a view is taken and written through.
#pragma once

#include <optional>
#include <vector>

#include "aten/program.h"

namespace onnxport::read {

// One step from a tensor to a view of it.
struct ViewStep {
  enum class Kind {
    kAlias,     // the same elements in the same places
    kReshape,   // the same elements in row-major order, other sizes
    kPermute,   // perm: dimensions of the base in the view's order
    kSelect,    // index of dim
    kSlice,     // start, end, step of dim
    kDiagonal,  // as the call's own arguments say
    kOpaque,    // can be taken again, not written through (expand, unfold, as_strided, ...)
  } kind = Kind::kOpaque;
  std::vector<int64_t> perm;
  int64_t dim = 0;
  aten::Arg index;
  aten::Arg start, end;
  aten::Arg step = aten::Arg(Expr(1));
};

struct Views {
  enum class Relation {
    kFresh,    // no output shares memory with an argument
    kView,     // output i is argument 0 after steps[i]
    kUnclear,  // output 0 may be a view or a copy; what the program records does not tell
  } relation = Relation::kFresh;
  std::vector<ViewStep> steps;  // one per output, for kView
};

Views views_of(const aten::Program& program, const aten::Node& node);

}  // namespace onnxport::read
