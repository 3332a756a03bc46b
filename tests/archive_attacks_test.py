"""Archives that two readers understand in two ways, and pickles that libtorch would believe.

What is refused byte by byte is tested beside the readers (src/formats/zip_test.cpp, src/read/script_pickle_test.cpp);
here the command is given such files: it says why, writes nothing, and takes little time and memory.
"""

import io
import os
import struct
import threading
import time
import zipfile

import onnx
import pytest
import torch
from torch import nn


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.arange(16.0))

    def forward(self, x):
        return x + self.w


CODE = """class M(Module):
  __parameters__ = ["w", ]
  __buffers__ = []
  training : bool
  w : Tensor
  def forward(self: __torch__.M,
    x: Tensor) -> Tensor:
    return torch.add(x, self.w)
"""


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def number(n):
    return b"\x8a\x08" + struct.pack("<q", n)


def items(*parts):
    return b"(" + b"".join(parts) + b"t"


def storage(kind, key, elements):
    return items(text("storage"), kind, text(key), text("cpu"), number(elements)) + b"Q"


def tensor(of, offset, sizes, strides):
    call = b"ctorch._utils\n_rebuild_tensor_v2\n"
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return call + items(of, number(offset), items(*map(number, sizes)), items(*map(number, strides)), rest) + b"R"


FLOATS = b"ctorch\nFloatStorage\n"


def archive(path, weight, records=(("data/0", bytes(64)),), code=CODE):
    pkl = b"\x80\x02c__torch__\nM\n)\x81}(" + text("training") + b"\x89" + text("w") + weight + b"ub."
    entries = [("data.pkl", pkl), ("code/__torch__.py", code.encode()), ("constants.pkl", b"\x80\x02).")]
    with zipfile.ZipFile(path, "w") as made:
        for name, data in [*entries, ("version", b"3\n"), *records]:
            made.writestr(zipfile.ZipInfo(f"m/{name}"), data)
    return path


@pytest.fixture
def export(onnxport, tmp_path):
    def run(path, code, *words):
        out = tmp_path / "out" / "model.onnx"
        out.parent.mkdir(exist_ok=True)
        ran = onnxport("export", path, "-o", out, "--input-shape", "2,16", timeout=60)
        assert ran.code == code, ran.text
        assert len(ran.text) < 4000, ran.text
        for word in words:
            assert word.lower() in ran.text.lower(), ran.text
        assert os.listdir(out.parent) == (["model.onnx"] if code == 0 else [])
        return out

    return run


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """What torch itself writes of both kinds."""
    folder = tmp_path_factory.mktemp("good")
    torch.jit.script(Weighted().eval()).save(str(folder / "m.pt"))
    torch.export.save(torch.export.export(Weighted().eval(), (torch.randn(2, 16),)), folder / "m.pt2")
    return folder


KINDS = ["m.pt", "m.pt2"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_torch_writes_is_read(good, export, kind):
    weights = onnx.load(export(good / kind, 0)).graph.initializer
    assert [onnx.numpy_helper.to_array(w).tolist() for w in weights] == [list(range(16))]


def test_an_archive_made_by_hand_as_torch_does_is_read(export, tmp_path):
    data = struct.pack("<16f", *range(16))
    weight = tensor(storage(FLOATS, "0", 16), 0, [16], [1])
    weights = onnx.load(export(archive(tmp_path / "a.pt", weight, [("data/0", data)]), 0)).graph.initializer
    assert [onnx.numpy_helper.to_array(w).tolist() for w in weights] == [list(range(16))]


def with_second_directory(data):
    """A whole archive in front, whose zip64 locator does not stand directly before the end record: a reader that looks
    for the locator elsewhere finds that one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("m/version", "3")
    second = buffer.getvalue()
    at = struct.unpack_from("<I", data, len(data) - 6)[0]
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(second) - 22 - 40, at)
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(data) - 22, 1)
    return data[:-22] + end64 + locator + b"gap!" + data[-22:]


def with_names(*names):
    def make(data):
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
            for info in old.infolist():
                new.writestr(zipfile.ZipInfo(info.filename), old.read(info))
            for name in names:
                new.writestr(zipfile.ZipInfo(name), b"x")
        return buffer.getvalue()

    return make


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "make, word",
    [
        (lambda data: data + b"more", "at its end"),
        (lambda data: b"PK\3\4more" + data, "changed after it was saved"),
        (lambda data: data[:-2] + struct.pack("<H", 22) + data[-22:], "ends at"),
        (with_second_directory, "ends at"),
        (with_names("m/DATA.PKL", "M/Models/Model.json", "m/models/model.json", "m/data.pkl"), "case only"),
        (with_names("m/../../x"), "leads elsewhere"),
        (with_names("/tmp/x"), "leads elsewhere"),
        (with_names("m/a\\..\\b"), "backslash"),
    ],
    ids=["behind", "before", "two-ends", "two-directories", "case", "up", "absolute", "backslash"],
)
def test_an_archive_with_two_readings_is_refused(good, export, tmp_path, kind, make, word):
    path = tmp_path / f"evil{kind[1:]}"
    path.write_bytes(make((good / kind).read_bytes()))
    export(path, 1, path.name, word)


@pytest.mark.parametrize(
    "weight, word",
    [
        (tensor(storage(number(7), "0", 64), 0, [4, 16], [16, 1]), "not named"),
        (tensor(storage(number(10), "0", 1 << 25), 0, [16], [1]), "not named"),
        (tensor(storage(b"ctorch\nComplexDoubleStorage\n", "0", 64), 0, [16], [1]), "64 elements, but it has 64 bytes"),
        (tensor(storage(b"ctorch\nUInt64Storage\n", "0", 64), 0, [16], [1]), "64 elements, but it has 64 bytes"),
        (tensor(storage(b"ctorch\nQUInt4x2Storage\n", "0", 64), 0, [16], [1]), "QUInt4x2Storage"),
        (tensor(storage(FLOATS, "0", 1 << 62), 0, [16], [1]), "has 64 bytes"),
        (tensor(storage(FLOATS, "0", 16), 0, [16], [1000]), "outside its storage"),
        (tensor(storage(FLOATS, "0", 16), -100, [16], [1]), "broken"),
        (tensor(storage(FLOATS, "0", 16), 0, [1 << 20, 1 << 20], [0, 0]), "expanded"),
        (tensor(storage(FLOATS, "0", 16), 0, [16], [1]) + b"r\xff\xff\xff\x3f", "memo"),
        (b"ctorch._utils\n_rebuild_sparse_tensor\n)R", "_rebuild_sparse_tensor"),
        (b"ctorch._tensor\n_rebuild_from_type_v2\n)R", "_rebuild_from_type_v2"),
        # The function by its number in libtorch's table.
        (
            b"(ctorch._utils\n_rebuild_tensor_v2\n"
            + number(1)
            + items(storage(FLOATS, "0", 16), number(0), items(number(99)), items(number(1)), b"\x89N")
            + b"Rt",
            "calls something",
        ),
    ],
    ids=["double", "complex", "table", "uint64", "unknown", "wrap", "stride", "offset", "expand", "memo", "sparse", "subclass", "index"],
)
def test_a_weight_that_libtorch_would_believe_is_refused(export, tmp_path, weight, word):
    export(archive(tmp_path / "evil.pt", weight), 1, "evil.pt", word)


def test_an_entry_that_is_read_again_and_again_is_refused(export, tmp_path):
    one = tensor(storage(FLOATS, "0", 1 << 22), 0, [16], [1])
    many = b"(" + b"".join([one] * 200) + b"t"
    export(archive(tmp_path / "evil.pt", many, [("data/0", bytes(1 << 24))]), 1, "far more memory")


def test_a_hundred_thousand_entries_are_read_in_a_moment(onnxport, good, tmp_path):
    for kind in KINDS:
        path = tmp_path / f"many{kind[1:]}"
        root = zipfile.ZipFile(good / kind).namelist()[0].split("/")[0]
        names = [f"{root}/extra/x{i}" for i in range(100_000)]
        path.write_bytes(with_names(*names)((good / kind).read_bytes()))
        before = time.monotonic()
        ran = onnxport("inspect", path, "--input-shape", "2,16") if kind == "m.pt" else onnxport("inspect", path)
        assert ran.code == 0, ran.text
        assert time.monotonic() - before < 15


def test_code_that_changes_while_it_is_read_is_not_run(onnxport, tmp_path):
    """Another program writes to the file all the time. What libtorch loads is what was looked at."""
    marker = tmp_path / "executed"
    line = "    return torch.add(x, self.w)\n"
    evil = CODE.replace(line, f'    torch.save(7, "{marker}")\n' + line)
    harmless = CODE.replace(line, "    y = 7".ljust(len(evil) - len(CODE) - 1) + "\n" + line)
    path = archive(tmp_path / "changing.pt", tensor(storage(FLOATS, "0", 16), 0, [16], [1]), code=harmless)
    at = path.read_bytes().index(harmless.encode())
    done = threading.Event()

    def write():
        with open(path, "r+b", buffering=0) as file:
            while not done.is_set():
                for code in (evil, harmless):
                    file.seek(at)
                    file.write(code.encode())
                    time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        codes = [onnxport("inspect", path, "--input-shape", "2,16", timeout=60).code for _ in range(8)]
    finally:
        done.set()
        writer.join()
    assert set(codes) <= {0, 1} and not marker.exists()
    assert onnxport("inspect", path, "--input-shape", "2,16").code == 0
