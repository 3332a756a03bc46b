"""onnxport's kernels of torchvision's operators, which stand in for its library in a proof, against its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import conftest
import script_zoo
from script_runs import export, passed  # noqa: F401

KERNELS = Path(__file__).with_name("torchvision_kernels.py")
PLUGIN = conftest.COMMAND.parent / "onnxport_torch.so"


def computed(library, what, *arguments, out):
    command = [sys.executable, "-W", "ignore", KERNELS, library, what, *arguments, out]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return np.load(out)


def test_every_operator_gives_what_torchvision_gives(tmp_path):
    own = computed("own", "operators", out=tmp_path / "own.npz")
    ours = computed(PLUGIN, "operators", out=tmp_path / "ours.npz")
    assert sorted(own) == sorted(ours) and len(own) >= 100
    for name in own:
        assert own[name].shape == ours[name].shape, name
        if name.startswith("nms"):
            assert 5 < len(own[name]) < 200, name
            np.testing.assert_array_equal(ours[name], own[name], err_msg=name)
        else:
            assert np.abs(own[name]).max() > 0.5, name
            np.testing.assert_allclose(ours[name], own[name], atol=2e-5, err_msg=name)


@pytest.mark.parametrize("name", ["fasterrcnn_mobilenet_320", "maskrcnn_resnet50", "fcos_resnet50"])
def test_the_file_of_a_detector_gives_what_torchvision_gives(export, tmp_path, name):
    """Past the proof: torchvision's own kernels in the module's own code, on a picture that is no noise."""
    entry = script_zoo.entries()[f"script_{name}"]
    _, path = export(script_zoo.build(entry.name), "--no-verify", "--input-shape", "3,240,320",
                     "--dynamic-axes", "input:1=height,2=width")
    smooth = torch.randn(1, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(smooth, size=(240, 320), mode="bicubic")[0].numpy()
    np.save(tmp_path / "picture.npy", picture)
    want = computed("own", "model", path.with_name("model.pt"), tmp_path / "picture.npy", out=tmp_path / "m.npz")
    session = onnxruntime.InferenceSession(path)
    got = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"input": picture})))
    assert set(got) == set(want.files) and len(want["scores"]) >= 5
    np.testing.assert_array_equal(got["labels"], want["labels"])
    for key in set(got) - {"labels"}:
        scale = max(1.0, np.abs(want[key]).max())
        np.testing.assert_allclose(got[key], want[key], atol=1e-4 * scale, err_msg=key)
