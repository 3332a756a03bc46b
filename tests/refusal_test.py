"""What cannot be read or written is said clearly, exits 1, and leaves nothing half written.

scripts/test runs this file a second time on the command built with the sanitizers.
"""

import os
import stat
import subprocess
import zipfile

import pytest
import torch
from torch import nn


def refused(ran, out, *words):
    """Exit 1, the words are named, nothing is left under the asked name or half written beside it."""
    assert ran.code == 1, ran.text
    assert "Sanitizer" not in ran.text and "runtime error:" not in ran.text, ran.text
    for word in words:
        assert word.lower() in ran.text.lower(), ran.text
    left = [p for p in os.listdir(out.parent) if "onnx" in p or p.startswith(".")]
    assert left == [], left


def test_no_such_file(onnxport, tmp_path):
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", tmp_path / "none.pt2", "-o", out), out, "none.pt2")


@pytest.mark.parametrize("kept", [0, 10, 0.3, 0.9, 0.999])
def test_truncated_pt2(onnxport, small, tmp_path, kept):
    content = small.read_bytes()
    cut = tmp_path / "cut.pt2"
    cut.write_bytes(content[: kept if kept > 1 else int(len(content) * kept)])
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", cut, "-o", out), out, "cut.pt2")


def test_a_zip_that_is_none(onnxport, tmp_path):
    path = tmp_path / "fake.pt2"
    path.write_bytes(b"PK\x03\x04" + b"hello" * 100)
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", path, "-o", out), out, "fake.pt2")


def rewrite(source, target, change):
    """Copies a .pt2 entry by entry (stored, as torch does) with change(name, bytes) -> bytes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            new.writestr(info.filename, change(info.filename, old.read(info)))


def model_json(name):
    return name.endswith("models/model.json")


def test_json_nested_100000_deep(onnxport, small, tmp_path):
    path = tmp_path / "deep.pt2"
    rewrite(small, path, lambda n, b: b"[" * 100000 + b"]" * 100000 if model_json(n) else b)
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", path, "-o", out), out, "deep.pt2")


def test_unknown_schema_version(onnxport, small, tmp_path):
    import json

    def change(name, content):
        if not model_json(name):
            return content
        model = json.loads(content)
        model["schema_version"]["major"] = 99
        return json.dumps(model).encode()

    path = tmp_path / "future.pt2"
    rewrite(small, path, change)
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", path, "-o", out), out, "99", "future.pt2")


def test_weight_that_ends_too_early(onnxport, small, tmp_path):
    def change(name, content):
        return content[:4] if "/data/weights/weight_0" in name else content

    path = tmp_path / "short.pt2"
    rewrite(small, path, change)
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", path, "-o", out), out, "short.pt2")


def damaged(source, target):
    """A copy with one bit of a weight changed, and neither checksum nor size."""
    data = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as archive:
        entry = next(i for i in archive.infolist() if i.filename.endswith("weights/weight_0"))
        data[data.index(archive.read(entry)) + 6] ^= 1
    target.write_bytes(data)
    return target


def test_a_damaged_weight_is_found_when_the_result_is_verified(onnxport, small, tmp_path):
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    path = damaged(small, tmp_path / "damaged.pt2")
    refused(onnxport("export", path, "-o", out), out, "weights/weight_0", "checksum", "damaged.pt2")


def test_a_damaged_weight_is_found_where_the_batch_is_fixed(onnxport, save, tmp_path):
    """There the proof is tried twice, the first time for a dynamic batch: what it finds is no reason to go on."""
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    source = save(nn.Linear(16, 16), torch.randn(2, 16), dynamic=False)
    path = damaged(source, tmp_path / "damaged.pt2")
    refused(onnxport("export", path, "-o", out), out, "weights/weight_0", "checksum", "damaged.pt2")


def test_shape_whose_product_overflows(onnxport, small, tmp_path):
    import json

    def change(name, content):
        if not name.endswith("weights_config.json"):
            return content
        config = json.loads(content)
        first = next(iter(config["config"].values()))
        for size in first["tensor_meta"]["sizes"]:
            size["as_int"] = 2**62
        return json.dumps(config).encode()

    path = tmp_path / "huge.pt2"
    rewrite(small, path, change)
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    refused(onnxport("export", path, "-o", out), out, "huge.pt2")


def test_all_unsupported_operators_are_listed_in_one_run(onnxport, save, tmp_path):
    class Odd(nn.Module):
        def forward(self, x):
            y = torch.linalg.svdvals(x)
            return y, torch.special.bessel_j0(x), torch.special.airy_ai(x)

    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    ran = onnxport("export", save(Odd(), torch.randn(2, 3, 3)), "-o", out)
    refused(ran, out, "linalg_svd", "bessel_j0", "airy_ai", "refusal_test.py")


def test_unwritable_folder(onnxport, small, tmp_path):
    if os.geteuid() == 0:
        folder = "/proc/self"  # no one writes there, root neither
        ran = onnxport("export", small, "-o", f"{folder}/model.onnx")
        assert ran.code == 1
        assert folder in ran.text
        return
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    out = folder / "model.onnx"
    refused(onnxport("export", small, "-o", out), out, "locked")


def test_missing_folder(onnxport, small, tmp_path):
    ran = onnxport("export", small, "-o", tmp_path / "none" / "model.onnx")
    assert ran.code == 1
    assert "none" in ran.text


def test_full_disk_leaves_nothing(onnxport, save, tmp_path):
    """A file size limit stands for the full disk: write() fails in the middle of the weights."""
    torch.manual_seed(0)
    path = save(nn.Linear(512, 512), torch.randn(2, 512))
    out = tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    # SIGXFSZ ignored: then write() fails with an error, as on a full disk.
    script = 'trap "" XFSZ; ulimit -f 100; exec "$@"'
    ran = onnxport("export", path, "-o", out, "--no-verify", prefix=("bash", "-c", script, "bash"))
    refused(ran, out, "model.onnx")


def test_full_tmpfs(onnxport, save, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        torch.manual_seed(0)
        path = save(nn.Linear(512, 512), torch.randn(2, 512))
        ran = onnxport("export", path, "-o", disk / "model.onnx", "--no-verify")
        assert ran.code == 1, ran.text
        assert "space" in ran.text.lower()
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_good_file_is_not_overwritten_by_a_refused_export(onnxport, small, save, tmp_path):
    class Odd(nn.Module):
        def forward(self, x):
            return torch.special.airy_ai(x)

    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out, "--no-verify").code == 0
    before = out.read_bytes()
    assert onnxport("export", save(Odd(), torch.randn(2, 3)), "-o", out).code == 1
    assert out.read_bytes() == before
