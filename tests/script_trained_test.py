"""Trained TorchScript models that packages of PyPI carry: equal to what libtorch computes, state included.

silero-vad tells speech from noise; silero-stress has a BERT whose forward() loops over the batch, and
classifiers. Without PyPI these tests are skipped, and say so.
"""

import subprocess
import sys
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """wheel(package) -> the folder of its files, without installing it or what it needs."""
    made = {}

    def run(package):
        if package not in made:
            folder = tmp_path_factory.mktemp("wheel")
            done = subprocess.run(
                [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, package],
                capture_output=True, text=True, timeout=300,
            )
            files = list(folder.glob("*.whl"))
            made[package] = folder if files else None
            if files:
                with zipfile.ZipFile(files[0]) as archive:
                    archive.extractall(folder)
            else:
                print(done.stderr)
        if made[package] is None:
            pytest.skip(f"{package} cannot be downloaded from PyPI")
        return made[package]

    return run


def sound(batch, length, seed):
    """Something between a voice and noise, in [-1, 1]."""
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(length) / 16000
    pitch = 100 + 80 * torch.rand(batch, 1, generator=g)
    voice = sum(torch.sin(2 * torch.pi * k * pitch * t + k) / k for k in range(1, 12))
    loud = (torch.sin(2 * torch.pi * 3 * t) > 0).float()
    return (0.2 * voice * loud + 0.02 * torch.randn(batch, length, generator=g)).clamp(-1, 1)


@pytest.mark.parametrize("package", ["silero-vad==5.1.2", "silero-vad==6.2.3"])
@pytest.mark.parametrize("rate, frame", [(16000, 512), (8000, 256)])
def test_the_voice_detector_hears_the_same_frame_after_frame(onnxport, wheel, tmp_path, package, rate, frame):
    path, out = wheel(package) / "silero_vad" / "data" / "silero_vad.jit", tmp_path / "vad.onnx"
    ran = onnxport("export", path, "-o", out, "--input-shape", f"x:1,{frame}", "--input-value", f"sr={rate}")
    assert ran.code == 0 and "Passed ✓" in ran.out, ran.text
    session = onnxruntime.InferenceSession(out)
    module, batch, heard = torch.jit.load(str(path)).eval(), 3, []
    state = {i.name: np.zeros([batch if isinstance(d, str) else d for d in i.shape], np.float32)
             for i in session.get_inputs()[1:]}
    with torch.no_grad():
        for x in sound(batch, frame * 40, seed=rate).split(frame, 1):
            want = module(x, rate).numpy()
            got, *after = session.run(None, {"x": x.numpy(), **state})
            state = dict(zip(state, after))
            np.testing.assert_allclose(got, want, atol=1e-4)
            heard.append(want)
    assert np.ptp(heard) > 0.1, "nothing is heard: a poor test"


def unpacked(path, folder):
    """The TorchScript modules in silero-stress's torch.package, its int8 table restored as the package does."""
    stress = torch.package.PackageImporter(str(path)).load_pickle("accentor_models", "accentor")
    bert = stress.homosolver.model
    table = bert.bert.embeddings.word_embeddings.weight
    table.data = bert.bert.scale * (table.data.clone() - bert.bert.zero_point)
    parts = {"bert": bert, "stress": stress.accentor.model.stress_clf, "yo": stress.accentor.model.yo_clf}
    for name, module in parts.items():
        module.save(str(folder / f"{name}.pt"))
    return parts


@pytest.fixture(scope="module")
def stress(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stress")
    return folder, unpacked(wheel("silero-stress==1.5") / "silero_stress" / "data" / "accentor.pt", folder)


@pytest.mark.parametrize("name", ["stress", "yo"])
def test_a_trained_classifier_passes(onnxport, stress, tmp_path, name):
    ran = onnxport("export", stress[0] / f"{name}.pt", "-o", tmp_path / "o.onnx", "--input-shape", "2,16")
    assert ran.code == 0 and "Passed ✓" in ran.out, ran.text


def test_a_trained_bert_that_loops_over_the_batch_gives_the_same(onnxport, stress, tmp_path):
    folder, parts = stress
    # Not verified by the command: of its random places many are no words, and the mean of nothing is NaN.
    names, out = ["input_ids", "homo_start_ids", "homo_end_ids"], tmp_path / "bert.onnx"
    arguments = ["--input-shape", "input_ids:2,16", "--dynamic-axes", "input_ids:0=batch_size,1=length"]
    for name in names[1:]:
        arguments += ["--input-shape", f"{name}:2", "--dynamic-axes", f"{name}:0=batch_size"]
    for name in names:
        arguments += ["--input-type", f"{name}=int64"]
    ran = onnxport("export", folder / "bert.pt", "-o", out, "--no-verify", *arguments)
    assert ran.code == 0, ran.text
    session, seen = onnxruntime.InferenceSession(out), []
    g = torch.Generator().manual_seed(0)
    for batch, length in ((1, 8), (2, 16), (5, 33), (3, 7), (8, 64)):
        ids = torch.randint(0, 80000, (batch, length), generator=g)
        start = torch.randint(0, length - 5, (batch,), generator=g)
        end = start + torch.randint(2, 5, (batch,), generator=g)
        with torch.no_grad():
            want = parts["bert"](ids, start, end).numpy()
        got = session.run(None, dict(zip(names, (ids.numpy(), start.numpy(), end.numpy()))))[0]
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
        seen.append(want)
    assert np.ptp(np.concatenate(seen)) > 0.1, "always the same answer: a poor test"
