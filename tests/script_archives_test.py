"""TorchScript archives of many PyTorch versions (tests/fixtures/script, made by make_script.py) export, and
compute what the version that wrote them computed."""

import json

import numpy
import onnxruntime
import pytest
from conftest import ROOT

ARCHIVES = sorted((ROOT / "tests" / "fixtures" / "script").glob("*/*.pt"))


def array(recorded):
    return numpy.array(recorded["data"], recorded["dtype"]).reshape(recorded["shape"])


def test_there_are_archives_of_old_and_new_versions():
    versions = {path.parent.name for path in ARCHIVES}
    assert "1.13.0" in versions and len(versions) >= 2, versions


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_archive(onnxport, tmp_path, path):
    recorded = json.loads(path.with_suffix(".json").read_text())
    x, out = array(recorded["input"]), tmp_path / "model.onnx"
    shape = ",".join(map(str, x.shape))
    ran = onnxport("export", path, "-o", out, "--input-shape", shape)
    assert ran.code == 0 and "Passed ✓" in ran.out, ran.text
    session = onnxruntime.InferenceSession(out)
    assert session.get_inputs()[0].shape[0] == "batch_size"
    got = session.run(None, {session.get_inputs()[0].name: x})
    assert len(got) == len(recorded["outputs"])
    for a, b in zip(got, map(array, recorded["outputs"])):
        assert a.dtype == b.dtype
        numpy.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
