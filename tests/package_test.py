"""The installed package: a program of one's own finds it, links it and exports."""

import subprocess

import onnx
import pytest
from conftest import COMMAND, ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if not (COMMAND.parent / "CMakeCache.txt").exists():
        pytest.skip("the command under test is not in a build folder")
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(
        ["cmake", "--install", COMMAND.parent, "--prefix", prefix], check=True, capture_output=True
    )
    return prefix


@pytest.fixture(scope="module")
def example(installed, tmp_path_factory):
    build = tmp_path_factory.mktemp("example")
    source = ROOT / "examples" / "export_from_cpp"
    for command in (
        ["cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={installed}"],
        ["cmake", "--build", build],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "export_from_cpp"


def test_example_program_exports_and_verifies(example, small, tmp_path):
    out = tmp_path / "model.onnx"
    done = subprocess.run([example, small, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed ✓" in done.stdout
    assert onnx.load(out).opset_import[0].version == 13
    # The example's own format publishes a second file beside it, and nothing else.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "model.onnx.txt"]
    assert "takes input: float32[batch_size, " in (tmp_path / "model.onnx.txt").read_text()


def test_installed_command_verifies(installed, small, tmp_path):
    out = tmp_path / "model.onnx"
    command = [installed / "bin" / "onnxport", "export", small, "-o", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed ✓" in done.stdout


def test_headers_include_nothing_of_ours_or_others(installed):
    for header in (installed / "include" / "onnxport").iterdir():
        for line in header.read_text().splitlines():
            if not line.startswith("#include") or '"onnxport/' in line:
                continue
            # One header is for programs that have libtorch.
            if header.name == "torch.h" and "<torch/" in line:
                continue
            assert "<" in line and "/" not in line, f"{header.name}: {line}"
