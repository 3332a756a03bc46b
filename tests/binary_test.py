"""What the built files must be: no protobuf symbol leaves them, and converting needs no libtorch."""

import re
import subprocess

import pytest
from conftest import COMMAND

BUILD = COMMAND.parent


def exported(path):
    done = subprocess.run(
        ["nm", "-D", "--defined-only", "-C", str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("name", ["onnxport", "libonnxport.so", "onnxport_converter.so"])
def test_no_protobuf_or_onnx_symbol_is_exported(name):
    path = BUILD / name
    if not path.exists():
        pytest.skip(f"{name} is not built")
    leaked = [l for l in exported(path).splitlines() if re.search(r"google::protobuf|\bonnx::", l)]
    leaked = [l for l in leaked if "onnxport::onnx::" not in l]
    assert leaked == []


# The converter needs the shared protobuf (Debian's static one is for executables only); the library that
# loads it, apart from what the program has, does not.
@pytest.mark.parametrize(
    "name, foreign",
    [
        ("onnxport", "torch|c10|python|protobuf"),
        ("libonnxport.so", "torch|c10|python|protobuf|onnx"),
        ("onnxport_converter.so", "torch|c10|python"),
    ],
)
def test_nothing_links_libtorch_or_python(name, foreign):
    path = BUILD / name
    if not path.exists():
        pytest.skip(f"{name} is not built")
    done = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True)
    needed = re.findall(r"NEEDED.*\[(.*)\]", done.stdout)
    assert not [n for n in needed if re.search(foreign, n)], needed


def test_export_works_without_libtorch(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    env = {"ONNXPORT_TORCH_PLUGIN": str(tmp_path / "none.so")}
    assert onnxport("export", small, "-o", out, "--no-verify", env=env).code == 0
    ran = onnxport("export", small, "-o", tmp_path / "two.onnx", env=env)
    assert ran.code == 1, "unverified is not passed"
    assert "none.so" in ran.err and "--no-verify" in ran.err, ran.err
