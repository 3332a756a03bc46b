"""TorchScript archives of PyTorch 1.5 to 2.14 (tests/fixtures/script, made by make_script.py) export, and
compute what the version that wrote them computed: also where an operator means something else since."""

import json

import numpy
import onnxruntime
import pytest
from conftest import ROOT

FOLDER = ROOT / "tests" / "fixtures" / "script"
ARCHIVES = sorted(FOLDER.glob("*/*.pt"))
VERSIONS = json.loads((FOLDER / "versions.json").read_text())


def array(recorded):
    return numpy.array(recorded["data"], recorded["dtype"]).reshape(recorded["shape"])


def test_every_minor_version_since_1_8_wrote_archives():
    minors = {".".join(version.split(".")[:2]) for version in VERSIONS}
    assert {f"1.{i}" for i in range(8, 14)} | {f"2.{i}" for i in range(15)} <= minors


def test_each_version_s_archive_is_here_or_the_same_as_one_that_is():
    here = {(version, case) for version, cases in VERSIONS.items() for case in cases if cases[case] == "here"}
    assert here == {(path.parent.name, path.stem) for path in ARCHIVES}
    for cases in VERSIONS.values():
        for case, what in cases.items():
            assert what == "here" or what.startswith("not made: ") or (what[len("as "):], case) in here, (case, what)


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
