"""TorchScript archives that lie or mean harm: nothing of them runs, and what is wrong is said.

Each starts from a good archive that is changed in one place.
"""

import os
import pickle
import struct
import zipfile
import zlib

import onnx
import pytest
import torch
from torch import nn


class Good(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return torch.relu(self.conv(x))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "good.pt"
    torch.jit.script(Good().eval()).save(str(path))
    return path


@pytest.fixture
def refused(onnxport, tmp_path):
    """refused(path, *words): exit 1, the words are said, nothing is written, nothing crashed."""

    def run(path, *words, arguments=()):
        out = tmp_path / "out" / "model.onnx"
        out.parent.mkdir(exist_ok=True)
        ran = onnxport("export", path, "-o", out, *arguments, timeout=120)
        assert ran.code == 1, ran.text
        assert "Sanitizer" not in ran.text and "runtime error:" not in ran.text, ran.text
        for word in words:
            assert word.lower() in ran.text.lower(), ran.text
        assert os.listdir(out.parent) == []
        return ran

    return run


def change(source, target, entries=None, extra=(), compress=(), drop=()):
    """A copy with the entries whose names end as given replaced: {ending: bytes or bytes -> bytes}."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if any(info.filename.endswith(name) for name in drop):
                continue
            for name, made in (entries or {}).items():
                if info.filename.endswith(name):
                    data = made(data) if callable(made) else made
            deflated = any(info.filename.endswith(name) for name in compress)
            new.writestr(info.filename, data, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
        root = old.namelist()[0].split("/")[0]
        for name, data in extra:
            new.writestr(f"{root}/{name}", data)
    return target


CODE = "__torch__/script_refusal_test.py"


def code(forward, more=""):
    """The archive's code with this body of forward(), and more methods."""

    def made(text):
        text = text.decode()
        head = text[: text.index("  def forward")]
        return (head + forward + more).encode()

    return made


FORWARD = """  def forward(self: __torch__.script_refusal_test.Good,
    x: Tensor) -> Tensor:
"""


class Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("entry", ["data.pkl", "constants.pkl"])
def test_a_pickle_that_calls_os_system_is_not_executed(good, refused, tmp_path, entry):
    marker = tmp_path / "executed"
    evil = pickle.dumps(Command(marker), protocol=2)
    path = change(good, tmp_path / "evil.pt", {"/" + entry: evil})
    refused(path, "system", "was not executed")
    assert not marker.exists()


def test_a_debug_pickle_that_calls_os_system_is_not_executed(good, refused, tmp_path):
    marker = tmp_path / "executed"
    evil = pickle.dumps(Command(marker), protocol=2)
    path = change(good, tmp_path / "evil.pt", {".debug_pkl": evil})
    refused(path, "system", "was not executed")
    assert not marker.exists()


def test_a_pickle_after_the_end_of_the_object_is_not_executed(good, refused, tmp_path):
    marker = tmp_path / "executed"
    evil = pickle.dumps(Command(marker), protocol=2)
    path = change(good, tmp_path / "evil.pt", {"/data.pkl": lambda old: evil[:-1] + b"0" + old[2:]})
    refused(path, "system")
    assert not marker.exists()


@pytest.mark.parametrize(
    "call",
    [
        'torch.save(x, "{marker}")',
        'ops.aten.save(x, "{marker}")',
        '_0 = torch.from_file("{marker}", True, 10, dtype=None)',
        '_0 = ops.aten.from_file("{marker}", True, 10)',
    ],
)
def test_code_that_writes_a_file_is_refused(good, refused, tmp_path, call):
    marker = tmp_path / "executed"
    body = FORWARD + f"    {call.format(marker=marker)}\n    return x\n"
    path = change(good, tmp_path / "evil.pt", {CODE: code(body)})
    refused(path, "outside the model")
    assert not marker.exists()


def test_code_that_loops_while_it_is_loaded_is_refused(good, refused, tmp_path):
    more = """  def __setstate__(self: __torch__.script_refusal_test.Good,
    state: int) -> NoneType:
    while True:
      pass
    return None
"""
    body = FORWARD + "    return x\n"
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body, more)}), "__setstate__")


def test_code_that_calls_itself_is_refused(good, refused, tmp_path):
    body = FORWARD + "    return (self).forward(x, )\n"
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body)}), "recursive")


def test_two_methods_that_call_each_other_are_refused(good, refused, tmp_path):
    body = FORWARD + "    return (self).other(x, )\n"
    more = """  def other(self: __torch__.script_refusal_test.Good,
    x: Tensor) -> Tensor:
    return (self).forward(x, )
"""
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body, more)}), "recursive")


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 100_000 + "x" + ")" * 100_000,
        "[" * 100_000 + "x" + "]" * 100_000,
        "-" * 100_000 + "x",
        "not " * 100_000 + "x",
        " + ".join(["x"] * 100_000),
        "x" + "-1" * 100_000,
        "x if x else " * 100_000 + "x",
        "x" + ".y" * 100_000,
        "x" + "[0]" * 100_000,
        "x" + "()" * 100_000,
        "x ** " * 100_000 + "x",
        "lambda x: " * 100_000 + "x",
        "torch.neg(" * 100_000 + "x" + ")" * 100_000,
    ],
    ids=lambda text: text[:12].replace("(", "<").replace(" ", "_"),
)
def test_code_nested_without_measure_is_refused(good, refused, tmp_path, expression):
    body = FORWARD + f"    y = {expression}\n    return x\n"
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body)}), "evil.pt")


@pytest.mark.parametrize(
    "operator, words",
    [(" + ", "libtorch"), (".y", "takes `y` of a value"), ("[0]", "libtorch"), ("()", "libtorch"), (" if x else ", "libtorch")],
)
def test_code_as_deep_as_allowed_does_not_crash(good, refused, tmp_path, operator, words):
    expression = "x" + operator * 900
    if operator == " + ":
        expression = " + ".join(["x"] * 900)
    if operator == " if x else ":
        expression = "x if x else " * 900 + "x"
    body = FORWARD + f"    y = {expression}\n    return \n"
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body)}), words)


def test_blocks_nested_without_measure_are_refused(good, refused, tmp_path):
    lines = [" " * (4 + i) + "if True:\n" for i in range(3000)]
    body = FORWARD + "".join(lines) + " " * 3004 + "pass\n    return x\n"
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body)}), "nested too deep")


def test_types_nested_without_measure_are_refused(good, refused, tmp_path):
    deep = "List[" * 50_000 + "int" + "]" * 50_000
    body = FORWARD + f"    y = annotate({deep}, [])\n    return x\n"
    refused(change(good, tmp_path / "evil.pt", {CODE: code(body)}), "nested too deep")


def test_a_pickle_nested_without_measure_is_refused(good, refused, tmp_path):
    deep = b"\x80\x02" + b"(" * 500_000 + b"t" * 500_000 + b"."
    path = change(good, tmp_path / "evil.pt", {"/data.pkl": deep})
    refused(path, "nested too deep")


def test_a_pickle_that_contains_itself_is_refused(good, refused, tmp_path):
    cyclic = b"\x80\x02]q\x00h\x00a."
    path = change(good, tmp_path / "evil.pt", {"/data.pkl": cyclic})
    refused(path, "contains itself")


def number(value):
    return b"J" + struct.pack("<i", value)


def lie(old, new):
    """In the pickle, the integer `old` (as torch writes it) replaced by `new`."""
    short = b"K" + bytes([old]) if old < 256 else b"M" + struct.pack("<H", old)

    def made(data):
        assert short in data
        return data.replace(short, number(new))

    return made


def test_a_storage_with_more_elements_than_bytes_is_refused(good, refused, tmp_path):
    path = change(good, tmp_path / "evil.pt", {"/data.pkl": lie(4 * 3 * 9, 2**30)})
    refused(path, "elements, but it has")


@pytest.mark.parametrize("size", [2**31 - 1, 5, -3])
def test_a_tensor_that_reaches_outside_its_storage_is_refused(good, refused, tmp_path, size):
    # The weight's first size, 4, stands before the others.
    path = change(
        good,
        tmp_path / "evil.pt",
        {"/data.pkl": lambda data: data.replace(b"(K\x04K\x03K\x03K\x03t", b"(" + number(size) + b"K\x03K\x03K\x03t")},
    )
    refused(path, "storage" if size > 0 else "broken")


def test_missing_data_is_refused(good, refused, tmp_path):
    refused(change(good, tmp_path / "evil.pt", drop=("/data/0",)), "data/0", "missing")


def test_missing_code_is_refused(good, refused, tmp_path):
    refused(change(good, tmp_path / "evil.pt", drop=(CODE,)), "evil.pt")


def test_a_zip_bomb_is_refused(good, refused, tmp_path):
    path = tmp_path / "bomb.pt"
    chunk = bytes(1 << 24)
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
        root = old.namelist()[0].split("/")[0]
        with new.open(zipfile.ZipInfo(f"{root}/code/bomb.py"), "w", force_zip64=True) as out:
            pass
        bomb = zipfile.ZipInfo(f"{root}/code/__torch__/bomb.py")
        bomb.compress_type = zipfile.ZIP_DEFLATED
        with new.open(bomb, "w") as out:
            for _ in range(80):
                out.write(chunk)
    assert path.stat().st_size < 1 << 23
    refused(path, "256 MB")


def test_a_deflated_entry_that_lies_about_its_size_is_refused(good, refused, tmp_path):
    path = change(good, tmp_path / "evil.pt", compress=(CODE,))
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = next(i for i in archive.infolist() if i.filename.endswith(CODE))
    wanted = struct.pack("<I", info.file_size)
    name = info.filename.encode()
    at = data.index(name, data.index(b"PK\x01\x02"))  # in the directory: 46 bytes before, size at 24
    while struct.unpack_from("<H", data, at - 46 + 28)[0] != len(name):
        at = data.index(name, at + 1)
    assert data[at - 46 + 24 : at - 46 + 28] == wanted
    data[at - 46 + 24 : at - 46 + 28] = struct.pack("<I", info.file_size * 1000)
    local = info.header_offset
    data[local + 22 : local + 26] = struct.pack("<I", info.file_size * 1000)
    path.write_bytes(data)
    refused(path, CODE)


@pytest.mark.parametrize("kept", [0, 1, 10, 0.2, 0.5, 0.9, 0.99])
def test_a_truncated_archive_is_refused(good, refused, tmp_path, kept):
    content = good.read_bytes()
    cut = tmp_path / "cut.pt"
    cut.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])
    refused(cut, "cut.pt")


def test_a_damaged_weight_is_found_when_the_result_is_verified(good, refused, tmp_path):
    path = tmp_path / "damaged.pt"
    data = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as archive:
        info = next(i for i in archive.infolist() if i.filename.endswith("data/0"))
        at = data.index(archive.read(info))
    data[at + 7] ^= 1
    path.write_bytes(data)
    refused(path, "data/0", "checksum", "damaged")


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_never_crash(good, onnxport, tmp_path, seed):
    import random

    chance = random.Random(seed)
    data = bytearray(good.read_bytes())
    for _ in range(1 + seed % 5):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path = tmp_path / "flipped.pt"
    path.write_bytes(data)
    ran = onnxport("inspect", path, timeout=120)
    assert ran.code in (0, 1), ran.text
    assert "Sanitizer" not in ran.text and "runtime error:" not in ran.text, ran.text


# --- files that are something else ------------------------------------------------------------------


def test_a_state_dict_is_told_what_to_do(refused, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(Good().state_dict(), path)
    refused(path, "state dict", "torch.export.save", "torch.jit.trace")


def test_a_torch_package_is_told_what_to_do(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.package.package_exporter, "_gate_torchscript_serialization", False)
    path = tmp_path / "package.pt"
    with torch.package.PackageExporter(str(path)) as exporter:
        exporter.save_pickle("models", "good", torch.jit.script(Good().eval()))
    refused(path, "torch.package", "PackageImporter", 'module.save("model.pt")')


def test_a_pickled_module_is_not_executed(refused, tmp_path):
    marker = tmp_path / "executed"
    path = tmp_path / "module.pt"
    torch.save({"model": Command(marker)}, path)
    refused(path, "torch.save file", "torch.export.save")
    assert not marker.exists()


def test_an_old_checkpoint_is_not_executed(refused, tmp_path):
    marker = tmp_path / "executed"
    path = tmp_path / "old.pt"
    torch.save({"model": Command(marker)}, path, _use_new_zipfile_serialization=False)
    refused(path, "pickle", "torch.export.save")
    assert not marker.exists()


def test_safetensors_h5_and_onnx_are_told_what_to_do(refused, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "weights.pt"
    save_file(Good().state_dict(), path)
    refused(path, "safetensors", "torch.export.save")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    refused(path, "HDF5", "torch.export.save")
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    refused(path, "is an ONNX file already", "onnxport check")


@pytest.mark.parametrize("more", [(), ("--no-verify",)])
def test_a_constant_larger_than_memory_is_not_made_while_reading(good, refused, tmp_path, more):
    path = tmp_path / "large.pt"
    body = "    return x * torch.full([65536, 65536, 4, 5], 2.)\n"
    change(good, path, {"script_refusal_test.py": code(FORWARD + body)})
    refused(path, "must match", arguments=more)


HUGE = 2**62


@pytest.mark.parametrize(
    "convolve",
    [
        f"torch.conv2d(x, x, None, {numbers})"
        for numbers in ("[0, 1]", "[1, 1], [-1, 0]", f"[1, 1], [{HUGE}, 0]", f"[1, 1], [0, 0], [{HUGE}, 1]", "[1, 1], [0, 0], [0, 0]")
    ]
    + [
        "torch.max_pool2d(x, [3, 3], [0, 0])",
        f"torch.max_pool2d(x, [3, 3], [1, 1], [{HUGE}, 0])",
        f"torch.avg_pool2d(x, [{HUGE}, 3])",
        f"torch.conv_transpose2d(x, x, None, [{HUGE}, 1])",
        f"torch.floor_divide(x, x.size(0) - x.size(0)) + torch.ones([x.size(0) // (x.size(0) - x.size(0))])",
    ],
)
def test_windows_of_no_or_of_any_size_are_refused(good, refused, tmp_path, convolve):
    path = tmp_path / "windows.pt"
    body = f"    return {convolve}\n"
    change(good, path, {"script_refusal_test.py": code(FORWARD + body)})
    refused(path, arguments=("--dynamic-axes", "x:2=height,3=width"))


def test_an_archive_without_forward_is_refused(refused, tmp_path):
    class Other(nn.Module):
        @torch.jit.export
        def encode(self, x: torch.Tensor):
            return x + 1

    path = tmp_path / "other.pt"
    torch.jit.script(Other()).save(str(path))
    refused(path, "forward")


def test_values_and_types_are_checked(good, onnxport, tmp_path):
    ran = onnxport("export", good, "-o", tmp_path / "o.onnx", "--input-type", "x=float33")
    assert ran.code == 2 and "float33" in ran.text
    for option in ("--input-type", "--input-value"):
        given = "y=int64" if option == "--input-type" else "y=4"
        ran = onnxport("export", good, "-o", tmp_path / "o.onnx", option, given)
        assert ran.code == 1 and "`y`" in ran.text and "its inputs are x" in ran.text, ran.text
    ran = onnxport("export", good, "-o", tmp_path / "o.onnx", "--input-value", "nonsense")
    assert ran.code == 2 and "name=16000" in ran.text
