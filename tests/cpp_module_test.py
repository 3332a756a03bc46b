"""A training loop in C++ exports its module with one call, built against the installed package."""

import os
import subprocess
import sys

import numpy
import onnx
import onnxruntime
import pytest
import torch
from conftest import COMMAND, ROOT
from torch import nn


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """example(name): built as a stranger would, against what `cmake --install` gives."""
    if not (COMMAND.parent / "CMakeCache.txt").exists():
        pytest.skip("the command under test is not in a build folder")
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", COMMAND.parent, "--prefix", prefix)

    def build(name):
        folder = tmp_path_factory.mktemp(name)
        run("cmake", "-G", "Ninja", "-S", ROOT / "examples" / name, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", folder)
        return folder / name

    return build


@pytest.fixture(scope="module")
def digits(example):
    return example("digits")


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data, out = folder / "digits.bin", folder / "digits.onnx"
    script = ROOT / "examples" / "digits" / "make_data.py"
    subprocess.run([sys.executable, script, data], check=True)
    done = subprocess.run([digits, data, out], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, data, out


def test_the_example_trains_exports_and_verifies(trained):
    text, _, out = trained
    accuracy = float(text.split("accuracy on held-out digits: ")[1].split()[0])
    assert accuracy > 0.95
    assert "Passed ✓" in text and str(out) in text


def test_the_file_classifies_as_well_as_the_module(trained):
    text, data, out = trained
    accuracy = float(text.split("accuracy on held-out digits: ")[1].split()[0])
    rows = numpy.frombuffer(data.read_bytes()[4:], numpy.uint8).reshape(-1, 65)
    held_out = rows[len(rows) * 4 // 5 :]
    pictures = (held_out[:, :64].astype(numpy.float32) / 16).reshape(-1, 1, 8, 8)
    (scores,) = onnxruntime.InferenceSession(out).run(None, {"input": pictures})
    assert abs((scores.argmax(1) == held_out[:, 64]).mean() - accuracy) < 0.005


def test_parameters_keep_their_names_and_the_batch_is_dynamic(trained):
    model = onnx.load(trained[2])
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch_size"
    names = {tensor.name for tensor in model.graph.initializer}
    assert "classifier.weight" in names, names
    assert any(name.startswith("features.3") for name in names), names


def test_nodes_are_named_after_the_modules_whose_parameters_they_take(trained):
    nodes = {node.name: node.op_type for node in onnx.load(trained[2]).graph.node}
    assert nodes.get("features.0") == "Conv" and nodes.get("features.3") == "Conv", nodes
    assert nodes.get("classifier") == "Gemm", nodes
    # The example flattens by a size that the trace fixes: the note names the module, and no line.
    assert "aten::addmm in module classifier: " in trained[0], trained[0]


def test_no_file_is_left_behind(trained, digits, tmp_path):
    _, data, _ = trained
    done = subprocess.run(
        [digits, data, tmp_path / "none" / "x.onnx"],
        capture_output=True,
        text=True,
        env={"TMPDIR": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 1
    assert "Failed ✗" in done.stdout and "there is no folder" in done.stdout, done.stdout
    assert list(tmp_path.iterdir()) == []


class Smooth(nn.Module):
    """Keeps a mean from run to run, and has several outputs."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("mean", torch.zeros(1, 4))

    def forward(self, x):
        self.mean = 0.75 * self.mean + 0.25 * self.fc(x)
        return {"rest": x - self.mean, "peak": self.mean.abs().max(1)[0]}


@pytest.fixture(scope="module")
def script(example):
    return example("script")


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "smooth.pt"
    torch.manual_seed(0)
    torch.jit.script(Smooth().eval()).save(str(path))
    return path


def test_a_loaded_torchscript_module_is_exported_with_its_state_and_outputs(script, smooth, tmp_path):
    out = tmp_path / "smooth.onnx"
    done = subprocess.run([script, smooth, out, "1", "4"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "Passed ✓" in done.stdout, done.stdout + done.stderr
    assert "gives rest: float32[" in done.stdout and "gives peak: float32[" in done.stdout, done.stdout
    session, module = onnxruntime.InferenceSession(out), torch.jit.load(str(smooth))
    names = [value.name for value in session.get_outputs()]
    assert names == ["rest", "peak", "mean_out"], names
    mean = numpy.zeros([1, 4], numpy.float32)
    for _ in range(3):
        x = torch.randn(1, 4)
        with torch.no_grad():
            want = module(x)
        rest, peak, mean = session.run(None, {"x": x.numpy(), "mean": mean})
        numpy.testing.assert_allclose(rest, want["rest"].numpy(), atol=1e-5)
        numpy.testing.assert_allclose(peak, want["peak"].numpy(), atol=1e-5)


def test_a_plugin_of_another_libtorch_is_refused_without_loading_it(script, smooth, tmp_path):
    plugin, out = tmp_path / "onnxport_torch.so", tmp_path / "out" / "o.onnx"
    plugin.write_bytes(b"no library at all\0onnxport plugin, built with libtorch 1.2.3\0")
    out.parent.mkdir()
    done = subprocess.run([script, smooth, out, "1", "4"], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "ONNXPORT_TORCH_PLUGIN": str(plugin)})
    assert done.returncode == 1, done.stdout + done.stderr
    ours = torch.__version__.split("+")[0]
    assert f"the TorchScript module: this program was compiled with libtorch {ours}, onnxport's plugin" in done.stdout
    assert f"({plugin}) with libtorch 1.2.3" in done.stdout, done.stdout
    assert list(out.parent.iterdir()) == []
