"""Shared by the end-to-end tests: the command, and small models saved by torch.export."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMAND = Path(os.environ.get("ONNXPORT", ROOT / "build" / "release" / "onnxport"))
DEV = COMMAND.with_name("onnxport_dev")  # tests/dev.cpp


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err

    @property
    def json(self):
        return json.loads(self.out)


def run_onnxport(*arguments, timeout=300, prefix=(), env=None):
    done = subprocess.run(
        [*prefix, str(COMMAND), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        # A sanitizer's finding must not look like the command's own exit 1.
        env={**os.environ, "ASAN_OPTIONS": "exitcode=77", **(env or {})},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def dev(*arguments, timeout=300):
    if not DEV.exists():
        pytest.fail(f"{DEV} is not built: run scripts/build")
    done = subprocess.run([str(DEV), *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def onnxport():
    if not COMMAND.exists():
        pytest.fail(f"{COMMAND} is not built: run scripts/build")
    return run_onnxport


@pytest.fixture(scope="session")
def save(tmp_path_factory):
    """save(module, example inputs, dynamic=True, name="model") -> path of a .pt2"""
    import torch

    folder = tmp_path_factory.mktemp("pt2")
    count = 0

    def run(module, inputs, dynamic=True, dynamic_shapes=None, **kwargs):
        nonlocal count
        count += 1
        inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        if dynamic and dynamic_shapes is None:
            batch = torch.export.Dim("batch", min=1, max=64)
            dynamic_shapes = tuple({0: batch} for _ in inputs)
        module.eval()
        with torch.no_grad():
            program = torch.export.export(module, inputs, dynamic_shapes=dynamic_shapes, **kwargs)
        path = folder / f"model{count}.pt2"
        torch.export.save(program, path)
        return path

    return run


@pytest.fixture(scope="session")
def small(save):
    """A convolutional classifier that is quick to export: its .pt2."""
    import torch

    torch.manual_seed(0)
    return save(small_cnn(), torch.randn(2, 3, 16, 16))


def small_cnn():
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.relu(self.bn1(self.conv1(x)) + x)

    class Cnn(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.layer1 = nn.Sequential(Block(8), Block(8))
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(8, 10)

        def forward(self, x):
            x = self.layer1(self.stem(x))
            return self.fc(torch.flatten(self.pool(x), 1))

    model = Cnn()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return model
