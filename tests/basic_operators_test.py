"""Arithmetic, comparisons, shapes, slices and creation: several calls in one model, several outputs.

The comparison is operators_test's: ONNX Runtime's Python against PyTorch's.
"""

from __future__ import annotations

import operators_test
import torch
from operators_test import Case

CASES: list[Case] = []


def case(name, function, *inputs, **options):
    CASES.append(Case(name, function, inputs, **options))


torch.manual_seed(0)
x = torch.randn(2, 3, 8)
y = torch.randn(2, 3, 8)
positive = x.abs() + 0.1
unit = torch.rand(2, 3, 8) * 1.8 - 0.9
whole = torch.tensor([[-7, 7, -8, 8, 3], [5, -5, 1, -1, 0]])
divisor = torch.tensor([[3, -3, 4, -4, 2], [-2, 2, 3, -3, 5]])
flag = x > 0
odd = torch.tensor([[1.0, float("nan"), float("inf")], [-float("inf"), 0.0, -2.5]])
image = torch.randn(2, 8, 6, 4)
matrix = torch.randn(2, 5, 7)

case("functions", lambda a: (a.abs(), -a, a.exp(), a.sin(), a.cos(), a.tan(), a.atan(), a.sinh(), a.cosh(),
                             a.asinh(), a.tanh(), a.erf(), a.erfc(), a.floor(), a.ceil(), a.round(), a.trunc(),
                             a.frac(), a.sign(), a.square(), a.reciprocal(), a.exp2(), a.expm1(),
                             torch.round(a, decimals=1), torch.deg2rad(a), torch.rad2deg(a)), x, tolerance=1e-4)
case("functions of positive numbers", lambda a: (a.log(), a.log2(), a.log10(), a.log1p(), a.sqrt(), a.rsqrt()),
     positive)
case("functions near 0", lambda a: (torch.log1p(a * 1e-5) * 1e5, torch.expm1(a * 1e-5) * 1e5), x)
case("functions of the unit interval", lambda a: (a.asin(), a.acos(), a.atanh(), torch.acosh(a + 2),
                                                  torch.logit(a.abs(), eps=0.01)), unit)
case("functions of integers", lambda a: (a.abs(), -a, a.sign(), a.exp(), a.sqrt().isnan(), a.floor(), a.square(),
                                         ~a, a.sin()), whole)
case("arithmetic", lambda a, b: (a + b, a - b, a * b, a / b, torch.add(a, b, alpha=2), torch.sub(a, b, alpha=0.5),
                                 1 - a, a + 1, 2 / a, a / 3, torch.rsub(a, b, alpha=2), a.maximum(b), a.minimum(b),
                                 torch.hypot(a, b), torch.atan2(a, b), torch.logaddexp(a, b)), x, y)
case("integer arithmetic", lambda a, b: (a + b, a * b, a / b, a // b, a % b, torch.fmod(a, b), a + 1.5, a // 2,
                                         torch.div(a, b, rounding_mode="trunc"), a.float() % b, 2 - a,
                                         torch.div(a, b, rounding_mode="floor"), a.maximum(b)), whole, divisor)
case("float remainders", lambda a, b: (a % b, torch.fmod(a, b), a // b, a % 0.7, a % -0.7,
                                       torch.div(a, b, rounding_mode="trunc")), x, y + 3)
case("powers", lambda a: (a**2, a**3, a**0.5, a**-0.5, a**-1, a**1.7, 2**a, a**a), positive)
case("integer powers", lambda a: (a**2, a**3, a**2.0), whole)
case("bool arithmetic", lambda a, b: (a * (b > 0), (a > 0) + (b > 0), (a > 0) * (b > 0), (a > 0) + 1), x, y)
case("small integers", lambda a, b: (a + b, a * 2, a - b, a > b, a == b, a.clamp(1, 100), a // 3),
     whole.to(torch.uint8), divisor.to(torch.uint8))
case("comparisons", lambda a, b: (a == b, a != b, a < b, a <= b, a > b, a >= b, a > 0.5, a == 0, a != 0), x, y)
case("integer comparisons", lambda a: (a == 3, a != 3, a < 0.5, a >= 1, a > 2.5), whole)
case("logic", lambda a, b: ((a > 0) & (b > 0), (a > 0) | (b > 0), (a > 0) ^ (b > 0), ~(a > 0),
                            torch.logical_and(a, b), torch.logical_or(a, b), torch.logical_xor(a, b),
                            torch.logical_not(a), (a > 0) == (b > 0), (a > 0) < (b > 0)), x, y)
case("bits", lambda a, b: (a & b, a | b, a ^ b, a & 3), whole, divisor, opsets=(18, 23))
case("not a number", lambda a: (a.isnan(), a.isinf(), a.isfinite(), torch.isposinf(a), torch.isneginf(a),
                                a.nan_to_num(), a.nan_to_num(1, 2, 3)), odd)
case("clamps", lambda a, b: (a.clamp(-0.5, 0.5), a.clamp(min=0), a.clamp(max=0.1), torch.clamp(a, b, b + 1),
                             a.clamp_min(0.2), a.clamp_max(0.2)), x, y)
case("clamps of integers", lambda a: (a.clamp(-3, 3), a.clamp(-2.5, 2.5)), whole)
case("where", lambda a, b: (torch.where(a > 0, a, b), torch.where(a > 0, a, 0.0), torch.where(a > 0, 1.0, b),
                            torch.where(a > 0, 1, 2)), x, y)
case("lerps", lambda a, b: (torch.lerp(a, b, 0.3), torch.lerp(a, b, 0.8), torch.lerp(a, b, a.abs()),
                            torch.addcmul(a, a, b, value=0.5), torch.addcdiv(a, a, b.abs() + 1, value=2)), x, y)

case("views", lambda a: (a.view(-1, 24), a.reshape(a.shape[0], 2, 12), a.flatten(1), a.flatten(), a.flatten(0, 1),
                         a.unflatten(2, (2, -1)), a[:, None], a.unsqueeze(-1), a.reshape(-1, 4, 6)), x)
case("views of images", lambda a: (a.flatten(2).transpose(1, 2), a.permute(0, 2, 3, 1), a.mT, a.swapaxes(1, 3),
                                   a.movedim(1, -1), a.movedim((1, 2), (3, 1)), a.view(-1, 4, 2, 6, 4).transpose(1, 2)),
     image)
case("squeezes", lambda a: (a[:, :1].squeeze(1), a[:, :1].squeeze(), a.squeeze(1), a[:, :1, :1].squeeze((1, 2))), x)
case("expands", lambda a: (a[:, :1].expand(-1, 5, -1), a[:, :1].expand_as(a), a.unsqueeze(1).expand(-1, 2, -1, -1),
                           torch.broadcast_to(a, (4, *a.shape))), x)
case("repeats", lambda a: (a.repeat(1, 2, 3), a.repeat(2, 1, 1, 1), a.tile(2), a.repeat_interleave(3, dim=1),
                           a.repeat_interleave(2), a.repeat_interleave(2, dim=0)), x)
case("joins", lambda a, b: (torch.cat([a, b], 1), torch.cat([a, b]), torch.stack([a, b], 1), torch.stack([a, b], -1),
                            torch.hstack([a, b]), torch.vstack([a, b]), torch.dstack([a, b]),
                            torch.cat([a, torch.zeros(0), b], 2), torch.cat([a, b.int()], 1)), x, y)
case("splits", lambda a: (*a.split(3, 2), *a.split([1, 2, 5], 2), *a.chunk(3, 2), *a.unbind(1), *a.tensor_split(3, 2)),
     x)
case("slices", lambda a: (a[:, 1], a[..., -1], a[:, :, 2:6], a[:, :, ::2], a[:, :, 1:-1],
                          a.narrow(2, 1, 3), a[:, -2:], a[:1, 1:, 3], a[:, 1:], a[:, :-1]), x)
case("rolls and flips", lambda a: (a.roll(1, 1), a.roll((-1, 3), (1, 2)), a.roll(2), a.roll(1, 0), a.flip(1),
                                   a.flip((0, 2)), a.flip(-1)), x)
case("pixels", lambda a: (torch.pixel_shuffle(a, 2), torch.pixel_unshuffle(a, 2), torch.channel_shuffle(a, 4)), image)
case("windows", lambda a: (a.unfold(2, 3, 2), a.unfold(1, 2, 1)), x)
case("diagonals", lambda a: (a.diagonal(0, 1, 2), a.diagonal(1, 1, 2), a.diagonal(-2, 1, 2), a.tril(), a.triu(1),
                             a.tril(-1), (a > 0).triu(), a.int().tril()), matrix)
case("writes", lambda a, b: (torch.slice_scatter(a, b[:, :, :3], 2, 2, 5), torch.slice_scatter(a, b[:, :, :4], 2, 0, 8, 2),
                             torch.select_scatter(a, b[:, 0], 1, -1), torch.select_scatter(a, b[:, 0], 1, 0)), x, y)


def in_place(a):
    b = a.clone()
    b[:, 0] = 1.0
    b[:, 1:, 2:4] = a[:, 1:, :2] * 2
    b[:, :, -1] += 1
    return b


case("writes in place", in_place, x)
case("creation", lambda a: (torch.zeros(2, 3) + 1, torch.ones(a.shape[0], 2), torch.full((3,), 2), torch.full_like(a, 0.5),
                            a.new_zeros(a.shape[0], 1), torch.zeros_like(a), torch.ones_like(a, dtype=torch.int64),
                            a.new_full((2, a.shape[0]), 3.0), torch.eye(4), torch.eye(2, 3)), x)
case("ranges", lambda a: (torch.arange(5), torch.arange(1, 7, 2), torch.arange(0.5, 3, 0.25), torch.linspace(-1, 1, 7),
                          torch.arange(4, dtype=torch.float32), torch.arange(a.shape[0]), torch.arange(2 * a.shape[0] + 1),
                          torch.triu_indices(3, 4), torch.tril_indices(3, 3, -1)), x)
case("grids", lambda a: (*torch.meshgrid(a[0, 0], a[0, 1], indexing="ij"), *torch.meshgrid(a[0, 0], a[0, 1, :3], indexing="xy")),
     x)
case("dtypes", lambda a, b: (a.to(torch.float64), a.int(), a.bool(), b.float(), b.to(a.dtype), b.type_as(a), a.half().float(),
                             b.to(torch.int32)), x, whole)
case("sizes", lambda a: (a.view(a.shape[0], -1), a.new_ones(a.shape[0] * 2, a.shape[1]), a / a.shape[0],
                         a.reshape(a.shape[0] * a.shape[1], -1).sum(0), a.reshape(1, a.shape[0], 3, 8)), x)


@operators_test.at_every_opset(CASES)
def test_basic_operator(onnxport, save, tmp_path, one, opset):
    operators_test.test_operator(onnxport, save, tmp_path, one, opset)
