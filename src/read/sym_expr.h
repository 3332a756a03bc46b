// The text of a symbolic size in a .pt2: sympy's str() in torch up to 2.6 or so ("2*s0 + 1"),
// sympy's srepr() later ("Add(Mul(Integer(2), Symbol('s0', positive=True, integer=True)),
// Integer(1))").
#pragma once

#include <string>
#include <string_view>

#include "base/expr.h"
#include "base/result.h"

namespace onnxport::read {

// srepr text as ordinary algebra that Expr::parse reads: "((2*s0) + 1)". Text that is not srepr is
// returned as it is.
Result<std::string> srepr_to_algebra(std::string_view text);

Result<Expr> parse_sym_expr(std::string_view text);

}  // namespace onnxport::read
