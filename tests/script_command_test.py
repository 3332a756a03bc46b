"""The command on TorchScript files: what it is told of the inputs, verify, inspect, configuration."""

import json

import onnx
import pytest
import torch
from torch import nn


class Scaled(nn.Module):
    """A tensor and numbers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x, factor: int, offset: float = 0.5, mode: str = "relu"):
        x = self.conv(x) * factor + offset
        if mode == "relu":
            return torch.relu(x)
        return torch.tanh(x)


class Pictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x):
        y = torch.relu(self.conv(x))
        return y.view(y.size(0), 4, -1).mean(2)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, ids, mask):
        return (self.table(ids) * mask.unsqueeze(2)).sum(1)


@pytest.fixture
def script(tmp_path):
    def run(module, name="model.pt"):
        path = tmp_path / name
        torch.manual_seed(0)
        torch.jit.script(module.eval()).save(str(path))
        return path

    return run


def dims(path):
    return [
        [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in onnx.load(path).graph.input
    ]


def test_the_default_shape_is_one_picture_of_any_batch(onnxport, script, tmp_path):
    out = tmp_path / "out.onnx"
    ran = onnxport("export", script(Pictures()), "-o", out)
    assert ran.code == 0 and "Passed ✓" in ran.out, ran.text
    assert dims(out) == [["batch_size", 3, 224, 224]]
    assert "verified in" in ran.out


def test_a_file_is_known_by_content_not_by_name(onnxport, script, tmp_path):
    out = tmp_path / "out.onnx"
    ran = onnxport("export", script(Pictures(), "model.pt2"), "-o", out, "--input-shape", "1,3,32,32")
    assert ran.code == 0 and dims(out) == [["batch_size", 3, 32, 32]], ran.text


def test_height_and_width_stay_dynamic_when_asked(onnxport, script, tmp_path):
    out = tmp_path / "out.onnx"
    ran = onnxport(
        "export", script(Pictures()), "-o", out, "--input-shape", "1,3,32,32",
        "--dynamic-axes", "input:0=batch_size,2=height,3=width", "--json",
    )
    assert ran.code == 0 and dims(out) == [["batch_size", 3, "height", "width"]], ran.text
    assert len({str(run["inputs"][0]["dims"]) for run in ran.json["runs"]}) > 3


def test_static_is_static(onnxport, script, tmp_path):
    out = tmp_path / "out.onnx"
    ran = onnxport("export", script(Pictures()), "-o", out, "--static", "--input-shape", "2,3,32,32")
    assert ran.code == 0 and dims(out) == [[2, 3, 32, 32]], ran.text


def test_values_of_inputs_that_are_no_tensors(onnxport, script, tmp_path):
    path, out = script(Scaled()), tmp_path / "out.onnx"
    shape = ("--input-shape", "1,3,8,8")
    ran = onnxport("export", path, "-o", out, *shape)
    assert ran.code == 1 and "--input-value factor=" in ran.text, ran.text
    ran = onnxport("export", path, "-o", out, *shape, "--input-value", "factor=3", "--input-value", "mode=tanh")
    assert ran.code == 0, ran.text
    assert "factor" in ran.text
    operators = {node.op_type for node in onnx.load(out).graph.node}
    assert "Tanh" in operators and "Relu" not in operators
    assert len(dims(out)) == 1


class Letters(nn.Module):
    def forward(self, x, words: list[str]):
        return x * len(words[0])


def test_a_value_of_another_type_is_refused(onnxport, script, tmp_path):
    path, out = script(Letters()), tmp_path / "out.onnx"
    ran = onnxport("export", path, "-o", out, "--input-shape", "x:1,3")
    assert ran.code == 1 and "`words` is of type List[str], which has no ONNX equivalent" in ran.text, ran.text
    ran = onnxport("export", path, "-o", out, "--input-shape", "x:1,3", "--input-value", "words=abc")
    assert ran.code == 1 and "`words` is of type List[str]; the value given" in ran.text, ran.text
    ran = onnxport("export", script(Scaled()), "-o", out, "--input-value", "factor=big")
    assert ran.code == 1 and "`factor` is of type int; the value given for it is of type str" in ran.text, ran.text


def test_types_of_inputs(onnxport, script, tmp_path):
    out = tmp_path / "out.onnx"
    ran = onnxport(
        "export", script(Words()), "-o", out, "--input-shape", "ids:1,7", "--input-shape", "mask:1,7",
        "--input-type", "ids=int64",
    )
    assert ran.code == 0, ran.text
    types = [v.type.tensor_type.elem_type for v in onnx.load(out).graph.input]
    assert types == [onnx.TensorProto.INT64, onnx.TensorProto.FLOAT]


def test_the_same_from_a_configuration_file(onnxport, script, tmp_path):
    out, config = tmp_path / "out.onnx", tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "input_shape": {"x": [1, 3, 8, 8]},
                "input_values": {"factor": 2, "offset": 1.5, "mode": "tanh"},
                "input_types": {"x": "float32"},
            }
        )
    )
    ran = onnxport("export", script(Scaled()), "-o", out, "--config", config)
    assert ran.code == 0, ran.text
    config.write_text(json.dumps({"input_values": {"factor": [1]}}))
    ran = onnxport("export", script(Scaled()), "-o", out, "--config", config)
    assert ran.code == 2 and "factor" in ran.text, ran.text


@pytest.mark.parametrize("layer", [nn.Linear(10, 5), nn.Conv1d(10, 5, 3)])
def test_a_shape_that_nobody_gave_is_said_to_be_one(onnxport, script, tmp_path, layer):
    path, out = script(nn.Sequential(layer)), tmp_path / "o.onnx"
    ran = onnxport("export", path, "-o", out)
    assert ran.code == 1
    assert "No --input-shape was given, so the input was taken for a picture" in ran.err, ran.err
    ran = onnxport("export", path, "-o", out, "--input-shape", "1,7,9")
    assert ran.code == 1
    assert "No --input-shape" not in ran.err, ran.err


def test_verify_takes_the_shapes_from_the_file(onnxport, script, tmp_path):
    path, out = script(Pictures()), tmp_path / "out.onnx"
    assert onnxport("export", path, "-o", out, "--input-shape", "1,3,32,32").code == 0
    ran = onnxport("verify", path, out)
    assert ran.code == 0 and "Passed ✓" in ran.out, ran.text


def test_verify_finds_a_changed_weight(onnxport, script, tmp_path):
    path, out = script(Pictures()), tmp_path / "out.onnx"
    assert onnxport("export", path, "-o", out, "--input-shape", "1,3,32,32").code == 0
    model = onnx.load(out)
    weight = next(t for t in model.graph.initializer if t.name == "conv.weight")
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0, 0, 0, 0] += 1
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, out)
    ran = onnxport("verify", path, out)
    assert ran.code == 1 and "conv.weight" in ran.text, ran.text


def test_inspect_tells_inputs_and_operators(onnxport, script):
    ran = onnxport("inspect", script(Pictures()), "--json")
    assert ran.code == 0, ran.text
    assert ran.json["kind"] == "TorchScript archive"
    assert ran.json["operators"]["aten::conv2d"] == 1
    assert ran.json["inputs"] == [{"name": "x", "dtype": "float32", "dims": ["batch_size", 3, 224, 224]}]


def test_a_type_that_there_is_not_is_wrong_usage(onnxport, script, tmp_path):
    ran = onnxport("export", script(Words()), "-o", tmp_path / "o.onnx", "--input-type", "ids=int")
    assert ran.code == 2 and "--input-type: input `ids`: there is no element type `int`" in ran.err, ran.text


def test_a_range_is_what_inputs_are_drawn_from(onnxport, script, tmp_path):
    """Ids above 9 are drawn by no default: the table's last rows are never looked up."""

    class Lookup(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(4, 3)

        def forward(self, ids):
            return self.table(ids)

    path, out = script(Lookup()), tmp_path / "o.onnx"
    shape = ("--input-shape", "ids:1,64", "--input-type", "ids=int64")
    ran = onnxport("export", path, "-o", out, *shape)
    assert ran.code == 1 and "out of range" in ran.text, ran.text
    ran = onnxport("export", path, "-o", out, *shape, "--input-range", "ids=0..3")
    assert ran.code == 0, ran.text
    assert onnxport("verify", path, out, "--input-type", "ids=int64", "--input-range", "ids=0..3").code == 0
    ran = onnxport("export", path, "-o", out, *shape, "--input-range", "ids=0..0.5")
    assert ran.code == 1 and "--input-range input: 0.5 is not a whole number, as int64 has them" in ran.text, ran.text
    ran = onnxport("export", path, "-o", out, *shape, "--input-range", "id=0..3")
    assert ran.code == 1 and "--input-range: the model has no input `id`" in ran.text, ran.text


def test_a_pt2_has_no_use_for_values(onnxport, small, tmp_path):
    ran = onnxport("export", small, "-o", tmp_path / "o.onnx", "--input-value", "x=3")
    assert ran.code == 1 and "TorchScript" in ran.text, ran.text


class BakedIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc(x.reshape(1, 16))


def test_a_baked_batch_is_reported_and_static_is_a_way_out(onnxport, tmp_path):
    path, out = tmp_path / "baked.pt", tmp_path / "out.onnx"
    torch.jit.trace(BakedIn().eval(), torch.randn(1, 4, 4)).save(str(path))
    ran = onnxport("export", path, "-o", out, "--input-shape", "1,4,4")
    assert ran.code == 0, ran.text
    assert "fixed batch of 1" in ran.text, ran.text  # which the proof may have made dynamic
    assert "script_command_test.py" in ran.text and "reshape" in ran.text, ran.text
    ran = onnxport("export", path, "-o", out, "--input-shape", "1,4,4", "--static")
    assert ran.code == 0 and dims(out) == [[1, 4, 4]], ran.text
