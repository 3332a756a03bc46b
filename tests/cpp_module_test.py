"""A training loop in C++ exports its module with one call, built against the installed package."""

import subprocess
import sys

import numpy
import onnx
import onnxruntime
import pytest
from conftest import COMMAND, ROOT


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The example, built as a stranger would: against what `cmake --install` gives."""
    if not (COMMAND.parent / "CMakeCache.txt").exists():
        pytest.skip("the command under test is not in a build folder")
    prefix, build = (tmp_path_factory.mktemp(name) for name in ("prefix", "digits"))
    source = ROOT / "examples" / "digits"
    for command in (
        ["cmake", "--install", COMMAND.parent, "--prefix", prefix],
        ["cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["cmake", "--build", build],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "digits"


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
    assert "Passed ✓" in text
    assert "NetImpl" in text or str(out) in text


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
