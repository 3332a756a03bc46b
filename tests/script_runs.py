"""What the tests of TorchScript share: a module saved and exported, and a report that says it passed."""

import json

import pytest


@pytest.fixture(scope="module")
def export(onnxport, tmp_path_factory):
    """Exports a module: the report, and the file."""

    def run(module, *arguments):
        folder = tmp_path_factory.mktemp("script")
        module.save(str(folder / "model.pt"))
        out = folder / "model.onnx"
        ran = onnxport("export", folder / "model.pt", "-o", out, "--json", *arguments)
        return json.loads(ran.out), out

    return run


def passed(report):
    assert report["outcome"] == "passed" and report["verified"], report
    return report
