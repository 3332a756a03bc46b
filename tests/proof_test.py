"""Verification catches what is wrong in a file, exits 1, and names the node."""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn


def tamper(source, target, name, change):
    model = onnx.load(source)
    for initializer in model.graph.initializer:
        if initializer.name == name:
            array = numpy_helper.to_array(initializer).copy()
            change(array)
            initializer.CopyFrom(numpy_helper.from_array(array, name))
            break
    else:
        raise AssertionError(f"no initializer {name}")
    onnx.save(model, target)


def test_changed_weight_is_caught_and_its_node_named(onnxport, small, tmp_path):
    out, bad = tmp_path / "model.onnx", tmp_path / "bad.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    model = onnx.load(out)
    conv = next(n for n in model.graph.node if n.name.startswith("layer1.1.conv1"))

    def change(array):
        array.flat[0] += 0.5

    tamper(out, bad, conv.input[1], change)
    assert onnxport("verify", small, out).code == 0
    ran = onnxport("verify", small, bad)
    assert ran.code == 1, ran.text
    assert "Failed ✗" in ran.text
    assert "layer1.1" in ran.text, ran.text


def test_nan_output_is_caught_and_its_node_named(onnxport, small, tmp_path):
    out, bad = tmp_path / "model.onnx", tmp_path / "bad.onnx"
    assert onnxport("export", small, "-o", out).code == 0

    def change(array):
        array.flat[3] = np.nan

    tamper(out, bad, "fc.bias", change)
    ran = onnxport("verify", small, bad)
    assert ran.code == 1, ran.text
    assert "nan" in ran.text.lower()
    assert "in module fc at conftest.py:" in ran.text, ran.text


def test_wrong_operator_is_caught(onnxport, small, tmp_path):
    out, bad = tmp_path / "model.onnx", tmp_path / "bad.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    model = onnx.load(out)
    relu = [n for n in model.graph.node if n.op_type == "Relu"][1]
    relu.op_type = "Sigmoid"
    onnx.save(model, bad)
    ran = onnxport("verify", small, bad)
    assert ran.code == 1
    assert "layer1.1" in ran.text, ran.text


def test_failed_verification_keeps_the_file_beside(onnxport, save, tmp_path):
    """A tolerance that float32 cannot meet stands for a wrong result."""
    torch.manual_seed(0)
    path = save(nn.Sequential(nn.Linear(64, 512), nn.GELU(), nn.Linear(512, 64)), torch.randn(2, 64))
    out = tmp_path / "model.onnx"
    ran = onnxport("export", path, "-o", out, "--tolerance", "1e-30")
    assert ran.code == 1, ran.text
    assert "Failed ✗" in ran.text
    assert not out.exists()
    assert (tmp_path / "model.failed.onnx").exists()


def test_verify_of_other_shapes_says_so(onnxport, small, save, tmp_path):
    torch.manual_seed(0)
    other = save(nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), torch.randn(2, 3, 16, 16))
    out = tmp_path / "other.onnx"
    assert onnxport("export", other, "-o", out).code == 0
    ran = onnxport("verify", small, out)
    assert ran.code == 1
    assert "shape" in ran.text.lower()
