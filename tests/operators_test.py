"""Each operator alone: a one-call model, exported at several opsets, against PyTorch on two batch sizes.

The comparison is ONNX Runtime's Python against PyTorch's, apart from the command's own verification, so
that a mistake common to rule and verification would show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

OPSETS = (13, 17, 23)


@dataclass
class Case:
    name: str
    function: object  # a module, or a function of the inputs
    inputs: tuple
    opsets: tuple = OPSETS
    dynamic: object = True  # False, or dynamic_shapes
    nodes: int | None = None  # at opset 17: no more than this
    tolerance: float = 2e-5
    kwargs: dict = field(default_factory=dict)


CASES: list[Case] = []


def case(name, function, *inputs, **options):
    CASES.append(Case(name, function, inputs, **options))


def at_every_opset(cases):
    """Parametrizes `one` and `opset`: each case at its own opsets, and called so."""
    pairs = [pytest.param(c, o, id=f"{c.name}-{o}") for c in cases for o in c.opsets]
    return pytest.mark.parametrize("one, opset", pairs)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        out = self.function(*inputs)
        return tuple(out) if isinstance(out, tuple) else out  # torch.max's named tuple is not exported


class OutputOnly(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)[0]


def rand(*shape):
    return torch.randn(*shape)


def settled(module):
    """Weights that show: norms start as the identity."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.3, 0.4)
    for buffer_name, buffer in module.named_buffers():
        if buffer_name.endswith("running_mean"):
            buffer.normal_(0, 0.3)
        if buffer_name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return module.eval()


torch.manual_seed(0)
image = rand(2, 4, 9, 11)
square = rand(2, 4, 12, 12)
signal = rand(2, 4, 13)
volume = rand(2, 4, 5, 6, 7)
tokens = rand(2, 5, 8)

# --- convolution ---------------------------------------------------------------------------------
case("conv1d", settled(nn.Conv1d(4, 6, 3, padding=1, dilation=2)), signal, nodes=1)
case("conv2d", settled(nn.Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), groups=2)), image, nodes=1)
case("conv2d without bias", settled(nn.Conv2d(4, 6, 1, bias=False)), image, nodes=1)
case("conv2d same", settled(nn.Conv2d(4, 6, (4, 3), padding="same")), image, nodes=1)
case("conv2d valid", settled(nn.Conv2d(4, 6, 3, padding="valid")), image, nodes=1)
case("conv2d circular", settled(nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular")), image)
case("conv2d reflect", settled(nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect")), image)
case("conv2d dynamic size", settled(nn.Conv2d(4, 6, 3)), image,
     dynamic=({0: torch.export.Dim("n"), 2: torch.export.Dim("h", min=4, max=64)},), nodes=1)
case("conv3d", settled(nn.Conv3d(4, 3, 2)), volume, nodes=1)
case("conv2d one image", settled(nn.Conv2d(4, 6, 3)), rand(4, 9, 9), dynamic=False)
case("conv_transpose1d", settled(nn.ConvTranspose1d(4, 6, 3, stride=2)), signal, nodes=1)
case("conv_transpose2d",
     settled(nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)), image, nodes=1)
case("conv_transpose3d", settled(nn.ConvTranspose3d(4, 6, 2, dilation=2)), volume, nodes=1)
case("convolution of computed weights", lambda x, w: F.conv2d(x, w * 2), image, rand(6, 4, 3, 3), dynamic=False)

# --- pooling -------------------------------------------------------------------------------------
case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2), signal, nodes=1)
case("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), image, nodes=1)
case("max_pool2d ceil", lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), image, nodes=1)
case("max_pool2d ceil, window behind", lambda x: F.max_pool2d(x, 2, 2, 1, ceil_mode=True), image, nodes=1)
case("max_pool2d dilated", lambda x: F.max_pool2d(x, 3, 1, 1, 2), image, nodes=1)
case("max_pool3d", lambda x: F.max_pool3d(x, 2), volume, nodes=1)
case("max_pool2d indices", lambda x: F.max_pool2d(x, 2, return_indices=True), image)
case("max_pool2d one image", lambda x: F.max_pool2d(x, 2), rand(4, 9, 9), dynamic=False)
for n, x in ((1, signal), (2, image), (3, volume)):
    pool = getattr(F, f"avg_pool{n}d")
    case(f"avg_pool{n}d", lambda x, pool=pool: pool(x, 3, 2, 1), x, nodes=1)
    case(f"avg_pool{n}d ceil", lambda x, pool=pool: pool(x, 2, 3, 1, ceil_mode=True), x)
    case(f"avg_pool{n}d excluding", lambda x, pool=pool: pool(x, 3, 2, 1, True, False), x, nodes=1)
case("avg_pool2d divisor", lambda x: F.avg_pool2d(x, 3, 2, 1, divisor_override=5), image)
for size in (1, (1, 11), (3, 11), (5, 4), (12, 2)):
    case(f"adaptive_avg_pool2d {size}", lambda x, size=size: F.adaptive_avg_pool2d(x, size) + 0, image)
case("adaptive_avg_pool2d dividing", lambda x: F.adaptive_avg_pool2d(x, (3, 4)), square, nodes=1)
case("adaptive_avg_pool2d same", lambda x: F.adaptive_avg_pool2d(x, 12) * 2, square, nodes=1)
case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 5), signal, nodes=1)
case("adaptive_avg_pool3d", lambda x: F.adaptive_avg_pool3d(x, (2, 4, 3)), volume)
case("adaptive_avg_pool3d global", lambda x: F.adaptive_avg_pool3d(x, 1), volume, nodes=1)
case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 4)), square, nodes=1)
case("adaptive_max_pool2d uneven", lambda x: F.adaptive_max_pool2d(x, (5, 7)), square)
case("adaptive_max_pool2d global", lambda x: F.adaptive_max_pool2d(x, 1), square, nodes=1)
case("adaptive_max_pool1d indices", lambda x: F.adaptive_max_pool1d(x, 4, return_indices=True), rand(2, 3, 12))

# --- normalization -------------------------------------------------------------------------------
case("batch_norm", settled(nn.BatchNorm2d(4)), image, nodes=1)
case("batch_norm 1d", settled(nn.BatchNorm1d(4)), rand(3, 4), nodes=1)
case("batch_norm plain", settled(nn.BatchNorm2d(4, affine=False)), image, nodes=1)
case("instance_norm", settled(nn.InstanceNorm2d(4, affine=True)), image, nodes=1)
case("instance_norm plain", settled(nn.InstanceNorm1d(4)), signal, nodes=1)
case("instance_norm tracked", settled(nn.InstanceNorm2d(4, track_running_stats=True)), image)
case("group_norm", settled(nn.GroupNorm(2, 4)), image, nodes=5)
case("group_norm of one", settled(nn.GroupNorm(1, 4)), image, nodes=5)
case("group_norm of each", settled(nn.GroupNorm(4, 4)), image, nodes=1)
case("group_norm plain", settled(nn.GroupNorm(2, 4, affine=False)), signal, nodes=3)
case("layer_norm", settled(nn.LayerNorm(8)), tokens, nodes=1)
case("layer_norm two axes", settled(nn.LayerNorm((5, 8))), tokens, nodes=1)
case("layer_norm plain", settled(nn.LayerNorm(8, elementwise_affine=False)), tokens, nodes=1)
case("layer_norm no bias", settled(nn.LayerNorm(8, bias=False)), tokens, nodes=1)
case("rms_norm", settled(nn.RMSNorm(8)), tokens, nodes=6)
case("local_response_norm", lambda x: F.local_response_norm(x, 3), image)
case("normalize", lambda x: F.normalize(x, dim=-1), tokens)
for p in (0, 1, 2, 3, math.inf, -math.inf):
    case(f"vector_norm {p}", lambda x, p=p: torch.linalg.vector_norm(x, p, dim=1, keepdim=True), tokens,
         tolerance=1e-4)
case("norm of all", lambda x: torch.norm(x) + x, tokens)
case("norm along", lambda x: torch.norm(x, dim=(1, 2)), tokens)

case("cosine_similarity", lambda a, b: F.cosine_similarity(a, b), tokens, rand(2, 5, 8))
case("pairwise_distance", lambda a, b: F.pairwise_distance(a, b), tokens, rand(2, 5, 8))
case("weight_norm", nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)), rand(2, 8))

# --- linear algebra ------------------------------------------------------------------------------
case("linear 2-D", settled(nn.Linear(8, 3)), rand(2, 8), nodes=1)
case("linear 3-D", settled(nn.Linear(8, 3)), tokens, nodes=2)
case("linear 4-D no bias", settled(nn.Linear(11, 3, bias=False)), image, nodes=1)
case("linear 1-D", settled(nn.Linear(8, 3)), rand(8), dynamic=False)
case("matmul", lambda a, b: a @ b, tokens, rand(2, 8, 3), nodes=1)
case("matmul vector", lambda a, b: a @ b, tokens, rand(8), dynamic=({0: torch.export.Dim("n")}, None))
case("mm", torch.mm, rand(2, 8), rand(8, 3), dynamic=({0: torch.export.Dim("n")}, None), nodes=1)
case("bmm", torch.bmm, tokens, rand(2, 8, 3), nodes=1)
case("mv", torch.mv, rand(2, 8), rand(8), dynamic=False)
case("dot", torch.dot, rand(8), rand(8), dynamic=False)
case("addmm", lambda c, a, b: torch.addmm(c, a, b, beta=2, alpha=0.5), rand(3), rand(2, 8), rand(8, 3),
     dynamic=False, nodes=1)
case("baddbmm", lambda c, a, b: torch.baddbmm(c, a, b, beta=0.5, alpha=3), rand(2, 5, 3), tokens, rand(2, 8, 3))
case("addbmm", torch.addbmm, rand(5, 3), tokens, rand(2, 8, 3), dynamic=False)
case("addmv", torch.addmv, rand(2), rand(2, 8), rand(8), dynamic=False)
case("addr", torch.addr, rand(3, 4), rand(3), rand(4), dynamic=False)
case("outer", torch.outer, rand(3), rand(4), dynamic=False)
case("inner", torch.inner, rand(3, 4), rand(5, 4), dynamic=False)
case("einsum", lambda a, b: torch.einsum("b i j, b j k -> b i k", a, b), tokens, rand(2, 8, 3), nodes=1)
case("tensordot", lambda a, b: torch.tensordot(a, b, dims=([1, 2], [0, 1])), tokens, rand(5, 8, 3),
     dynamic=({0: torch.export.Dim("n")}, None))
for p in (1.0, 2.0, 3.0, math.inf):
    case(f"cdist {p}", lambda a, b, p=p: torch.cdist(a, b, p), tokens, rand(2, 3, 8), tolerance=1e-4)

# --- attention -----------------------------------------------------------------------------------
q, k, v = rand(2, 3, 5, 8), rand(2, 3, 7, 8), rand(2, 3, 7, 6)
sdpa = F.scaled_dot_product_attention
case("attention", sdpa, q, k, v, nodes=5)
case("attention scaled", lambda q, k, v: sdpa(q, k, v, scale=0.3), q, k, v, nodes=5)
case("attention unscaled", lambda q, k, v: sdpa(q, k, v, scale=1.0), q, k, v, nodes=4)
case("attention causal", lambda q, k: sdpa(q, k, k, is_causal=True), q, rand(2, 3, 5, 8))
case("attention causal, dynamic length", lambda q: sdpa(q, q, q, is_causal=True), q, opsets=(14, 17, 23),
     dynamic=({0: torch.export.Dim("n"), 2: torch.export.Dim("length", min=2, max=64)},))
mask = torch.rand(2, 1, 5, 7) > 0.4
mask[0, 0, 1] = False
case("attention with mask", lambda q, k, v, m: sdpa(q, k, v, m), q, k, v, mask, nodes=7)
bias = rand(2, 1, 5, 7)
bias[1, 0, 2] = -math.inf
bias[0, 0, 0, 3] = -math.inf
case("attention with bias", lambda q, k, v, m: sdpa(q, k, v, m), q, k, v, bias)
fixed = torch.ones(5, 7).tril().bool()
case("attention with fixed mask", lambda q, k, v: sdpa(q, k, v, fixed), q, k, v, nodes=6)
case("attention merges the transpose of k",
     lambda q, k, v: sdpa(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)),
     q.transpose(1, 2).clone(), k.transpose(1, 2).clone(), v.transpose(1, 2).clone(), nodes=8)
case("attention of grouped queries", lambda q, k, v: sdpa(q, k, v, enable_gqa=True),
     rand(2, 6, 5, 8), k, v)

# --- activation ----------------------------------------------------------------------------------
wide = rand(2, 4, 9) * 4
for name in ("relu", "relu6", "silu", "mish", "hardswish", "hardsigmoid", "selu", "softsign", "sigmoid",
             "tanh", "logsigmoid", "hardtanh", "leaky_relu", "elu", "celu", "softplus", "glu", "hardshrink",
             "softshrink", "tanhshrink", "gelu"):
    x = rand(2, 4, 8) * 4 if name == "glu" else wide
    case(name, lambda x, f=getattr(F, name): f(x), x)
case("gelu tanh", lambda x: F.gelu(x, approximate="tanh"), wide, nodes=8)
case("gelu nodes", F.gelu, wide, nodes=5)
case("elu alpha", lambda x: F.elu(x, 0.7), wide, nodes=1)
case("celu alpha", lambda x: F.celu(x, 0.7), wide)
case("softplus beta", lambda x: F.softplus(x, beta=3), wide)
case("softplus threshold", lambda x: F.softplus(x, threshold=1), wide)
case("hardtanh bounds", lambda x: F.hardtanh(x, -2, 0.5), wide, nodes=1)
case("threshold", lambda x: F.threshold(x, 0.5, 2.0), wide)
case("threshold zero", lambda x: F.threshold(x, 0.5, 0.0), wide, nodes=1)
case("rrelu", lambda x: F.rrelu(x), wide)
case("prelu", settled(nn.PReLU()), wide, nodes=1)
case("prelu of channels", settled(nn.PReLU(4)), image, nodes=1)
case("glu of channels", lambda x: F.glu(x, 1), image, nodes=3)
case("softmax", lambda x: F.softmax(x, 1), tokens, nodes=1)
case("log_softmax", lambda x: F.log_softmax(x, -1), tokens, nodes=1)
case("logsigmoid far", F.logsigmoid, torch.tensor([[-200.0, 200.0]]), dynamic=False)
case("sigmoid of integers", torch.sigmoid, torch.arange(6).reshape(2, 3) - 3)

# --- reduction -----------------------------------------------------------------------------------
for name in ("mean", "sum", "amax", "amin", "std", "var", "logsumexp"):
    f = getattr(torch, name)
    case(f"{name} of one", lambda x, f=f: f(x, dim=1), image)
    case(f"{name} kept", lambda x, f=f: f(x, dim=(2, -1), keepdim=True), image)
for name in ("mean", "sum", "max", "min", "prod", "std", "var"):
    case(f"{name} of all", lambda x, f=getattr(torch, name): f(x), rand(2, 3) + 1, tolerance=1e-4)
case("sum of bools", lambda x: (x > 0).sum(1), tokens)
case("sum as double", lambda x: x.sum(1, dtype=torch.float64), tokens)
case("prod along", lambda x: x.prod(1), tokens)
case("var uncorrected", lambda x: torch.var(x, dim=1, correction=0), tokens)
case("std corrected by 2", lambda x: torch.std(x, dim=(1, 2), correction=2, keepdim=True), tokens)
case("std of the batch", lambda x: x / torch.std(x), tokens)
case("var_mean", lambda x: torch.var_mean(x, dim=(1, 2), correction=0), tokens)
case("std_mean", lambda x: torch.std_mean(x, dim=1, keepdim=True), tokens)
case("max along", lambda x: torch.max(x, 1), tokens)
case("min along", lambda x: torch.min(x, -1, keepdim=True), tokens)
case("argmax", lambda x: torch.argmax(x, 1), tokens, nodes=1)
case("argmin kept", lambda x: torch.argmin(x, -1, keepdim=True), tokens, nodes=1)
case("argmax of all", torch.argmax, tokens)
case("argmax of integers", lambda x: torch.argmax(x, 1), torch.tensor([[3, 1, 2], [0, 9, 9]]))
case("all", lambda x: (x > -1).all(1), tokens)
case("any", lambda x: (x > 2).any(-1, keepdim=True), tokens)
case("any of all", lambda x: (x > 2).any(), tokens)
case("amax of bools", lambda x: torch.amax(x > 0, 1), tokens)
case("aminmax", lambda x: torch.aminmax(x, dim=1), tokens)
case("cumsum", lambda x: torch.cumsum(x, 1), tokens, nodes=1)
case("cumsum of bools", lambda x: torch.cumsum(x > 0, -1), tokens)
case("count_nonzero", lambda x: torch.count_nonzero(x > 0, 1), tokens)
case("topk", lambda x: torch.topk(x, 3, dim=1), tokens, nodes=1)
case("topk smallest", lambda x: torch.topk(x, 2, largest=False), tokens, nodes=1)
case("sort", lambda x: torch.sort(x, 1), tokens, nodes=1)
case("argsort", lambda x: torch.argsort(x, dim=-1, descending=True), tokens, nodes=1)
case("kthvalue", lambda x: torch.kthvalue(x, 3, 1), tokens)
case("median", lambda x: torch.median(x, 1), tokens)

# --- indexing ------------------------------------------------------------------------------------
ids = torch.tensor([[0, 3, 2], [4, 1, -1]])
case("embedding", settled(nn.Embedding(7, 5)), torch.tensor([[0, 3, 2], [4, 1, 6]]), nodes=1)
case("index one", lambda x, i: x[:, i], tokens, ids[0], dynamic=({0: torch.export.Dim("n")}, None), nodes=1)
case("index matrix", lambda x, i: x[i], rand(5, 3), ids, dynamic=False, nodes=1)
case("index neighbours", lambda x, i: x[:, :, i, i], image, ids, dynamic=({0: torch.export.Dim("n")}, None))
case("index apart", lambda x, i: x[:, i, :, i], square, ids[0].abs() % 4,
     dynamic=({0: torch.export.Dim("n")}, None))
case("index apart in front", lambda x, i: x[i, :, i], rand(5, 3, 6), ids, dynamic=False)
case("index constants", lambda x: x[:, torch.tensor([0, 1, -1]), torch.tensor([2, -3, 0])], image)
case("index mesh", lambda x: x[:, :, torch.tensor([[0], [2]]), torch.tensor([1, 3, 5])], image, nodes=2)
case("index_select", lambda x: torch.index_select(x, 2, torch.tensor([0, 5, 1])), tokens, nodes=1)
case("gather", lambda x, i: torch.gather(x, 1, i), tokens, torch.randint(5, (2, 3, 8)), nodes=1)
case("take_along_dim", lambda x, i: torch.take_along_dim(x, i, 1), tokens, torch.randint(5, (2, 1, 8)),
     dynamic=False)
case("masked_fill", lambda x: x.masked_fill(x > 0, -math.inf), tokens, nodes=2)
case("masked_fill by tensor", lambda x, v: x.masked_fill(x > 0, v), tokens, torch.tensor(3.0), dynamic=False)
case("where", lambda x, y: torch.where(x > 0, x, y), tokens, rand(2, 5, 8), nodes=2)
case("masked_select", lambda x: torch.masked_select(x, x > 0), tokens, dynamic=False)
case("index by mask", lambda x: x[x > 0], tokens, dynamic=False)
case("index rows by mask", lambda x: x[:, x[0, :, 0] > 0], tokens, dynamic=False)
case("nonzero", lambda x: torch.nonzero(x > 0), tokens, dynamic=False)
case("one_hot", lambda i: F.one_hot(i, 7), ids.abs(), nodes=1)
case("bucketize", lambda x: torch.bucketize(x, torch.tensor([-1.0, 0.0, 0.5])), tokens)
case("bucketize right", lambda x: torch.bucketize(x.round(), torch.tensor([-1.0, 0.0, 1.0]), right=True), tokens)
case("searchsorted", lambda x: torch.searchsorted(torch.sort(x, -1)[0], x), tokens)
case("scatter", lambda x, i, s: x.scatter(1, i, s), tokens, torch.stack([torch.randperm(5)[:3]] * 8, 1)[None].repeat(2, 1, 1),
     rand(2, 4, 8))
case("scatter value", lambda x, i: x.scatter(1, i, 2.5), tokens, torch.randint(5, (2, 3, 8)))
case("scatter_add", lambda x, i, s: x.scatter_add(1, i, s), tokens, torch.randint(5, (2, 3, 8)), rand(2, 3, 8),
     opsets=(16, 17, 23))
for how in ("sum", "prod", "amax", "amin"):
    for own in (True, False):
        case(f"scatter_reduce {how} {own}",
             lambda x, i, s, how=how, own=own: x.scatter_reduce(1, i, s, how, include_self=own), tokens,
             torch.randint(5, (2, 3, 8)), rand(2, 3, 8), opsets=(16, 17, 23) if how in ("sum", "prod") else (18, 23))
case("index_put", lambda x, v: x.index_put((torch.tensor([0, 1]), torch.tensor([2, 3])), v), tokens, rand(2, 8),
     dynamic=False)
case("index_put behind", lambda x, v: torch.ops.aten.index_put(x, [None, torch.tensor([0, 2])], v), tokens, rand(2, 2, 8))
case("index_put added", lambda x, v: torch.ops.aten.index_put(x, [None, torch.tensor([1, 1])], v, True), tokens,
     rand(2, 2, 8), opsets=(16, 17, 23))
case("index_put by mask", lambda x: x.index_put((x > 0,), torch.tensor(7.0)), tokens, nodes=2)
case("index_add", lambda x, v: x.index_add(1, torch.tensor([0, 2]), v, alpha=2), tokens, rand(2, 2, 8),
     opsets=(16, 17, 23))
case("index_fill", lambda x: x.index_fill(1, torch.tensor([0, 2]), 3.0), tokens)
case("index_copy", lambda x, v: x.index_copy(1, torch.tensor([3, 0]), v), tokens, rand(2, 2, 8))

# --- resize --------------------------------------------------------------------------------------
for n, x in ((1, signal), (2, image), (3, volume)):
    for mode in ("nearest", "nearest-exact", {1: "linear", 2: "bilinear", 3: "trilinear"}[n]):
        align = {} if "nearest" in mode else {"align_corners": False}
        case(f"{mode} {n}d by 2", lambda x, mode=mode, align=align: F.interpolate(x, scale_factor=2, mode=mode, **align),
             x, nodes=1)
        size = tuple(s + 4 for s in x.shape[2:])
        case(f"{mode} {n}d to size",
             lambda x, mode=mode, size=size, align=align: F.interpolate(x, size=size, mode=mode, **align), x,
             nodes=3 if (mode, n) == ("nearest", 3) else 1)  # 5/3 rounds to another element: sizes, not scales
case("bilinear aligned", lambda x: F.interpolate(x, size=(17, 5), mode="bilinear", align_corners=True), image, nodes=1)
case("bilinear 1.7", lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear"), image, nodes=1)
case("bilinear 1.7 recomputed",
     lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True), image, nodes=1)
case("nearest down", lambda x: F.interpolate(x, size=(4, 7)), image, nodes=1)
# 14/4 and 25/15 times a place is a whole number in PyTorch, and just below it in ONNX Runtime: Gather.
case("nearest at whole numbers", lambda x: F.interpolate(x, size=(4, 15)), rand(2, 3, 14, 25), nodes=2)
case("nearest-exact at whole numbers", lambda x: F.interpolate(x, size=(41, 47), mode="nearest-exact"), rand(2, 3, 2, 4))
case("bicubic", lambda x: F.interpolate(x, size=(13, 20), mode="bicubic"), image, nodes=1)
case("bicubic aligned", lambda x: F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=True), image, nodes=1)
case("bilinear antialias", lambda x: F.interpolate(x, size=(5, 6), mode="bilinear", antialias=True), image,
     opsets=(18, 23))
case("bicubic antialias", lambda x: F.interpolate(x, size=(5, 6), mode="bicubic", antialias=True), image,
     opsets=(18, 23))
case("upsample like another", lambda x, y: F.interpolate(x, size=y.shape[2:], mode="nearest"), image, rand(2, 1, 20, 24),
     dynamic=({0: torch.export.Dim("n"), 2: torch.export.Dim("h", min=4, max=16), 3: torch.export.Dim("w", min=4, max=16)},
              {0: torch.export.Dim("n"), 2: torch.export.Dim("hh", min=4, max=64), 3: torch.export.Dim("ww", min=4, max=64)}))
grid = torch.rand(2, 6, 7, 2) * 2.4 - 1.2
for mode in ("bilinear", "nearest", "bicubic"):
    for padding in ("zeros", "border", "reflection"):
        case(f"grid_sample {mode} {padding}",
             lambda x, g, mode=mode, padding=padding: F.grid_sample(x, g, mode, padding, align_corners=False),
             image, grid, opsets=(16, 17, 23), tolerance=1e-4)
case("grid_sample aligned", lambda x, g: F.grid_sample(x, g, align_corners=True), image, grid, opsets=(16, 23))
case("affine_grid", lambda t: F.affine_grid(t, (2, 3, 4, 5), align_corners=False), rand(2, 2, 3), dynamic=False)

# --- padding and windows -------------------------------------------------------------------------
case("pad constant", lambda x: F.pad(x, (1, 2, 0, 3), value=1.5), image, nodes=1)
case("pad cut", lambda x: F.pad(x, (-1, -2, 0, -1)), image)
case("pad and cut", lambda x: F.pad(x, (-1, 2)), image)
case("pad reflect", lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"), image, nodes=1)
case("pad replicate", lambda x: F.pad(x, (1, 2, 3, 0), mode="replicate"), image, nodes=1)
case("pad circular", lambda x: F.pad(x, (1, 2, 3, 0), mode="circular"), image)
case("unfold", lambda x: F.unfold(x, 3, padding=1, stride=2), image, nodes=5)
case("unfold dilated", lambda x: F.unfold(x, (2, 3), dilation=2), image)
case("unfold tiles", lambda x: F.unfold(x, 4, stride=4), square, nodes=3)
case("fold", lambda x: F.fold(x, (9, 11), 3, padding=1, stride=2), rand(2, 4 * 9, 30), nodes=3)
case("fold dilated", lambda x: F.fold(x, (8, 8), (2, 3), dilation=2), rand(2, 4 * 6, 24))

# --- recurrent -----------------------------------------------------------------------------------
for name, make in (("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)):
    case(name, settled(make(8, 6)), rand(5, 2, 8), dynamic=({1: torch.export.Dim("n")},))
    case(f"{name} batch first", settled(make(8, 6, batch_first=True)), tokens)
    case(f"{name} both ways, two layers",
         settled(make(8, 6, num_layers=2, bidirectional=True, batch_first=True)), tokens)
    case(f"{name} without biases", settled(make(8, 6, bias=False)), rand(5, 2, 8), dynamic=({1: torch.export.Dim("n")},))
    case(f"{name} output only", OutputOnly(settled(make(8, 6, batch_first=True))), tokens)
case("lstm cell", settled(nn.LSTMCell(8, 6)), rand(2, 8))
case("lstm cell with a state", settled(nn.LSTMCell(8, 6)), rand(2, 8), (rand(2, 6), rand(2, 6)), dynamic=False)
case("gru cell", settled(nn.GRUCell(8, 6)), rand(2, 8), rand(2, 6))
case("rnn cell", settled(nn.RNNCell(8, 6)), rand(2, 8), rand(2, 6))
case("rnn relu", settled(nn.RNN(8, 6, nonlinearity="relu", bidirectional=True)), rand(5, 2, 8),
     dynamic=({1: torch.export.Dim("n")},))
case("lstm with a state", settled(nn.LSTM(8, 6)), rand(5, 2, 8), (rand(1, 2, 6), rand(1, 2, 6)), dynamic=False)


def flat(x):
    return [t for part in x for t in flat(part)] if isinstance(x, (tuple, list)) else [x]


def with_batch(inputs, dynamic, n):
    """The inputs for another batch: rows repeated and shuffled in value, where the axis is dynamic."""
    if dynamic is not True:
        return inputs
    return tuple(torch.cat([x, x.flip(0), x])[:n] for x in inputs)


def saved(one, save, known={}):
    """The module and its .pt2, made once for all opsets (another file's case may have the same name)."""
    if id(one) not in known:
        module = one.function if isinstance(one.function, nn.Module) else Function(one.function)
        shapes = one.dynamic if isinstance(one.dynamic, tuple) else None
        if one.dynamic is True:
            batch = torch.export.Dim("batch", min=1, max=64)
            shapes = tuple({0: batch} for _ in one.inputs)
        if shapes is not None and isinstance(module, Function):
            shapes = (shapes,)
        known[id(one)] = module, save(module, one.inputs, dynamic=False, dynamic_shapes=shapes)
    return known[id(one)]


def test_the_number_of_nodes_is_of_opset_17():
    assert not [c.name for c in CASES if c.nodes is not None and 17 not in c.opsets]


@at_every_opset(CASES)
def test_operator(onnxport, save, tmp_path, one, opset):
    module, path = saved(one, save)
    out = tmp_path / "model.onnx"
    ran = onnxport("export", path, "-o", out, "--opset", opset, "--no-verify")
    assert ran.code == 0, ran.text
    model = onnx.load(out)
    assert model.opset_import[0].version == opset
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    for n in (2, 3) if one.dynamic is True else (2,):
        inputs = with_batch(one.inputs, one.dynamic, n)
        feed = dict(zip([i.name for i in session.get_inputs()], [x.numpy() for x in flat(inputs)]))
        got = session.run(None, feed)
        with torch.no_grad():
            want = flat(module(*inputs))
        assert len(got) == len(want)
        for a, b in zip(got, want):
            assert a.shape == tuple(b.shape)
            assert a.dtype == b.numpy().dtype
            np.testing.assert_allclose(a, b.numpy(), rtol=one.tolerance, atol=one.tolerance)
    if one.nodes is not None and opset == 17:
        found = [node.op_type for node in model.graph.node]
        assert len(found) <= one.nodes, found
