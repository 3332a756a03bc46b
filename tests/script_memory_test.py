"""TorchScript: what branches and loops that depend on data write in place, and what shares that memory."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def export(onnxport, tmp_path_factory):
    def run(module, *arguments):
        folder = tmp_path_factory.mktemp("memory")
        torch.jit.script(module.eval()).save(str(folder / "model.pt"))
        out = folder / "model.onnx"
        ran = onnxport("export", folder / "model.pt", "-o", out, "--json", *arguments)
        return json.loads(ran.out), out

    return run


class RowByRow(nn.Module):
    """Fills what was made outside, row by row, as long as the data says."""

    def forward(self, x):
        out = torch.zeros(x.size(0), 4)
        for i in range(int(x[0, 0].abs() * 3.0)):
            if i < x.size(0):
                out[i] = x[i] * 2.0
                out[i, 1] += 5.0
        return out + 1.0


class Rows(nn.Module):
    """As many rows as the data has of a kind."""

    def forward(self, x):
        rows = x[x[:, 0] > 0.0]
        out = torch.zeros(rows.size(0), 2, 4)
        for i in range(rows.size(0)):
            out[i, 0, :] = rows[i] * rows[i].sum()
            out[i, 1, :] = 1.0
        return out


class OneWay(nn.Module):
    """One way writes, the other does not."""

    def forward(self, x):
        y = x * 2.0
        if bool(x.sum() > 0.0):
            y[:, 1] = 0.0
        return y.exp()


class BothWays(nn.Module):
    """Both ways write, to different places; through a view, too."""

    def forward(self, x):
        y = x * 2.0
        column = y[:, 2]
        if bool(x.sum() > 0.0):
            y[:, 0] += 1.0
        else:
            y[:, 1:].mul_(3.0)
        return y, column + 1.0


class Deep(nn.Module):
    """A branch in a loop writes to what was made outside of both."""

    def forward(self, x):
        y = x * 1.0
        n = 0
        while bool(y.sum() < 20.0) and n < 30:
            y += 0.25
            if bool(y[0, 0] > 0.5):
                y[0, 0] -= 0.4
            n += 1
        return y


class Accumulates(nn.Module):
    def forward(self, x):
        h = torch.zeros(4)
        n = 0
        while bool(h.sum() < 20.0) and n < 50:
            h += x.abs().mean(0)
            n += 1
        return h, n


FOLLOWED = [RowByRow, Rows, OneWay, BothWays, Deep, Accumulates]


@pytest.mark.parametrize("kind", FOLLOWED, ids=lambda kind: kind.__name__)
def test_a_write_in_a_branch_or_loop_is_seen_outside(export, kind):
    report, path = export(kind(), "--input-shape", "3,4")
    assert report["outcome"] == "passed" and report["verified"], report
    session = onnxruntime.InferenceSession(path)
    module = torch.jit.script(kind().eval())
    generator = torch.Generator().manual_seed(0)
    for scale in (0.3, -1.0, 2.0):
        x = torch.randn(5, 4, generator=generator) + scale
        x[0, 0] = abs(x[0, 0]) if scale > 0 else x[0, 0]
        want = module(x.clone())
        got = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        for a, b in zip(got, want if isinstance(want, tuple) else (want,)):
            np.testing.assert_allclose(a, np.asarray(b), atol=1e-4, rtol=1e-4)


class OtherName(nn.Module):
    """`z += 1` changes y as well, which is returned."""

    def forward(self, x):
        y = x * 2.0
        z = y
        n = 0
        while bool(z.sum() < 30.0) and n < 20:
            z += 1.0
            n += 1
        return y, z


class ViewAfterBranch(nn.Module):
    """One way gives a view of y: writing to it may change y."""

    def forward(self, x):
        y = x * 2.0
        if bool(x.sum() > 0.0):
            z = y[0]
        else:
            z = y[1] * 3.0
        z += 1.0
        return y, z


class ResultOfLoop(nn.Module):
    """Without a trip the loop's result is what it began with."""

    def forward(self, x):
        y = x * 2.0
        z = y
        n = 0
        while bool(z.sum() < 30.0) and n < 20:
            z = z + 1.0
            n += 1
        z += 1.0
        return y, z


class TwoNames(nn.Module):
    """Two things that a loop carries are one tensor."""

    def forward(self, x):
        a = x * 2.0
        b = a
        n = 0
        while bool(a.sum() < 30.0) and n < 20:
            a += 1.0
            b = b * 1.0 + a
            n += 1
        return a, b


class ReadsThroughView(nn.Module):
    """The loop writes to y and reads it by another name."""

    def forward(self, x):
        y = x * 2.0
        row = y[0]
        n = 0
        while bool(row.sum() < 30.0) and n < 40:
            y[0] = y[0] + 1.0
            n += 1
        return y


REFUSED = [OtherName, ViewAfterBranch, ResultOfLoop, TwoNames, ReadsThroughView]


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_memory_that_is_shared_and_written_is_refused_with_a_remedy(export, kind):
    report, _ = export(kind(), "--input-shape", "3,4", "--no-verify")
    assert report["outcome"] == "refused", report
    assert ".clone()" in report["error"] and "script_memory_test.py:" in report["error"], report["error"]


class Cloned(nn.Module):
    """OtherName with the remedy."""

    def forward(self, x):
        y = x * 2.0
        z = y.clone()
        n = 0
        while bool(z.sum() < 30.0) and n < 20:
            z += 1.0
            n += 1
        return y, z


def test_the_remedy_helps(export):
    report, _ = export(Cloned(), "--input-shape", "3,4")
    assert report["outcome"] == "passed" and report["verified"], report
