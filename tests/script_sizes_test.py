"""Sizes that TorchScript code computes: by formulas, by floats, and by what floats round."""

import math
from typing import List

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from script_runs import export, passed  # noqa: F401

PICTURE = ("--input-shape", "2,3,64,96", "--dynamic-axes", "input:0=batch_size,2=height,3=width")
SIZES = [(64, 96), (96, 64), (37, 53), (53, 211), (90, 33)]


def same_for_all_sizes(module, path, sizes=SIZES, batch=(1,)):
    """ONNX Runtime's results are the module's, for sizes of every remainder and both orders."""
    session = onnxruntime.InferenceSession(path)
    for size in sizes:
        x = torch.randn(*batch, 3, *size, generator=torch.Generator().manual_seed(size[0]))
        want = module(x).numpy()
        got = session.run(None, {"input": x.numpy()})[0]
        assert got.shape == want.shape, (size, got.shape, want.shape)
        np.testing.assert_allclose(got, want, atol=2e-5, err_msg=str(size))
    return session


class PadToMultiple(nn.Module):
    def forward(self, x):
        height = int(math.ceil(x.size(2) / 32)) * 32
        width = int(math.ceil(float(x.size(3)) / 32.0) * 32.0)
        return F.pad(x, (0, width - x.size(3), 0, height - x.size(2)))


class Halves(nn.Module):
    def forward(self, x):
        up = int(math.ceil(x.size(2) * 0.5))
        down = math.floor(x.size(3) / 2)
        return x[:, :, :up, :down]


class Strides(nn.Module):
    """Convolutions and pools that round up, and a size that is taken from them."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(4, 4, 5, stride=4, padding=2, dilation=1)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)

    def forward(self, x):
        a = self.conv(x)
        b = self.pool(self.deep(a))
        return F.interpolate(b, size=a.shape[-2:]) + a


class ScaledToShortSide(nn.Module):
    """As detectors do it: the scale is a quotient of sizes in float32, the product one of doubles."""

    def forward(self, x):
        shape = torch.tensor(x.shape[-2:])
        low = shape.min().to(torch.float32)
        high = shape.max().to(torch.float32)
        scale = torch.min(48.0 / low, 80.0 / high).item()
        return F.interpolate(x, scale_factor=scale, recompute_scale_factor=True)


class ScaledTensor(nn.Module):
    """A quotient of sizes as a number that multiplies."""

    def forward(self, x):
        ratio = x.size(2) / x.size(3)
        return x * ratio + math.sqrt(x.size(2) * x.size(3)) * 0.01


class Columns(nn.Module):
    """Sums, differences, minima and maxima of floats of sizes."""

    def forward(self, x):
        half = x.size(3) / 2
        middle = int(min(half + 0.5, float(x.size(2))) - 0.25)
        return x[..., max(middle - 7, 0):middle]


FORMULAS = [PadToMultiple, Halves, Strides, ScaledTensor, Columns]


@pytest.mark.parametrize("kind", FORMULAS + [ScaledToShortSide])
def test_sizes_that_go_through_floats_are_right_for_every_size(export, kind):
    torch.manual_seed(0)
    module = torch.jit.script(kind().eval())
    report, path = export(module, *PICTURE)
    passed(report)
    with torch.no_grad():
        same_for_all_sizes(module, path)


@pytest.mark.parametrize("kind", [PadToMultiple, Halves, Strides])
def test_what_has_a_formula_is_no_size_of_its_own(export, kind):
    _, path = export(torch.jit.script(kind().eval()), *PICTURE, "--no-verify")
    dims = onnxruntime.InferenceSession(path).get_outputs()[0].shape
    assert all("height" in d or "width" in d for d in dims[2:]), dims


class ListScaled(nn.Module):
    def forward(self, images: List[torch.Tensor]):
        out: List[torch.Tensor] = []
        for image in images:
            scale = float(16.0 / torch.tensor(image.shape[-2:]).min().to(torch.float32))
            out.append(F.interpolate(image[None], scale_factor=scale, recompute_scale_factor=True))
        return out


def test_every_picture_of_a_list_has_a_scale_of_its_own(export):
    module = torch.jit.script(ListScaled())
    shapes = ("--input-shape", "3,20,24", "--input-shape", "3,40,18")
    axes = ("--dynamic-axes", "images_0:1=h0,2=w0", "--dynamic-axes", "images_1:1=h1,2=w1")
    report, path = export(module, *shapes, *axes)
    passed(report)
    pictures = [torch.randn(3, 31, 77), torch.randn(3, 100, 19)]
    feed = {f"images_{i}": picture.numpy() for i, picture in enumerate(pictures)}
    for got, want in zip(onnxruntime.InferenceSession(path).run(None, feed), module(pictures)):
        np.testing.assert_array_equal(got, want.numpy())


class NumberBeforeWrite(nn.Module):
    """A number taken from a tensor is not changed by what is written to the tensor later."""

    def forward(self, x):
        total = x.mean()
        known = torch.tensor(x.size(2)).to(torch.float32) / x.size(3)
        a = total.item()
        b = known.item()
        total.add_(100.0)
        known.mul_(3.0)
        return x * b + a + total * 0.5 + known


def test_a_number_keeps_the_value_it_was_taken_with(export):
    module = torch.jit.script(NumberBeforeWrite())
    report, path = export(module, *PICTURE)
    passed(report)
    same_for_all_sizes(module, path)


class WiderThanHigh(nn.Module):
    def forward(self, x):
        if x.size(2) > x.size(3):
            return x.transpose(2, 3)
        return x


def test_code_that_takes_another_way_for_other_sizes_is_refused_with_its_line(export):
    report, _ = export(torch.jit.script(WiderThanHigh()), *PICTURE)
    assert report["outcome"] == "refused" and "leave that axis out" in report["error"], report
    assert "script_sizes_test.py" in report["error"], report["error"]
