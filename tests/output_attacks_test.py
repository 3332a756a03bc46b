"""What the command writes, and where: nothing over a file that is not its own to replace, no text of a stranger's that
acts on a terminal, no failed write that goes unnoticed, nothing left of a process that was killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import COMMAND, ROOT
from onnx import TensorProto, helper, numpy_helper

MODEL = ROOT / "tests" / "fixtures" / "pt2" / "2.13.0" / "convnet.pt2"
EVIL = "x\x1b[2J\nPassed ✓  forged\r\u202e\u009b31m\x07<script>alert(1)</script>\"'&quot;"
RAW = ("\x1b", "\r", "\u202e", "\u009b", "\x07", "\nPassed ✓  forged")


@pytest.fixture
def model(tmp_path):
    return Path(shutil.copy(MODEL, tmp_path / "model.pt2"))


@pytest.fixture
def export(onnxport, model):
    """export(output, ...): without the proof; every file of the model's folder that was there must stay as it is."""

    def run(output, *arguments, source=model, **kwargs):
        return onnxport("export", source, "-o", output, "--no-verify", *arguments, timeout=60, **kwargs)

    return run


def weights_onnx(path, location=None):
    """y = x + w; with `location`, w is external data of that name."""
    weight = numpy_helper.from_array(np.arange(32768, dtype=np.float32), "w")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [32768])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [32768])
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [x], [y], [weight])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if location is None:
        onnx.save(made, path)
    else:
        onnx.save(made, path, save_as_external_data=True, size_threshold=0, location=location)
    return path


def identity(path):
    info = path.lstat()
    return info.st_ino, info.st_mode  # not the times: to look at a link is an access


# --- outputs that are no regular files ----------------------------------------------------------------


def pipe(path):
    os.mkfifo(path)


def listening(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


def to_device(path):
    path.symlink_to("/dev/full")


def to_pipe(path):
    os.mkfifo(path.with_name("behind"))
    path.symlink_to("behind")


SPECIAL = {"pipe": (pipe, "a named pipe"), "socket": (listening, "a socket"), "link to a device": (to_device, "a device"),
           "link to a pipe": (to_pipe, "a named pipe"), "folder": (Path.mkdir, "is a folder")}  # fmt: skip


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize(
    "name, arguments",
    [
        ("out.onnx", []),
        ("out.onnx.data", []),
        ("r.json", ["--report", "r.json"]),
        ("r.html", ["--report", "r.html"]),
        ("p.txt", ["--dump-program", "p.txt"]),
        ("g.lowered.txt", ["--dump-graph", "g"]),
        ("g.simplified.txt", ["--dump-graph", "g"]),
    ],
)
def test_no_output_replaces_what_is_no_regular_file(export, tmp_path, kind, name, arguments):
    make, said = SPECIAL[kind]
    make(tmp_path / name)
    before = identity(tmp_path / name)
    ran = export(tmp_path / "out.onnx", *(tmp_path / a if not a.startswith("-") else a for a in arguments))
    assert ran.code == 1, ran.text
    assert said in ran.err and name in ran.err, ran.err
    assert identity(tmp_path / name) == before
    assert not (tmp_path / "out.onnx").is_file()
    assert "read" not in ran.err, "before any work"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/2", "/dev/new.onnx", "/proc/self/x"])
def test_nothing_is_written_into_the_kernels_folders(export, path, tmp_path):
    with (tmp_path / "out").open("wb") as out:  # a regular file behind /dev/stdout
        done = subprocess.run([COMMAND, "export", MODEL, "-o", path, "--no-verify"], stdout=out, stderr=out, timeout=60)
    assert done.returncode == 1
    assert Path("/dev/stdout").is_symlink()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_the_failed_file_of_a_proof_has_its_place_before_it_is_needed(onnxport, model, tmp_path):
    os.mkfifo(tmp_path / "out.failed.onnx")
    ran = onnxport("export", model, "-o", tmp_path / "out.onnx")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "Failed ✗  nothing was written")
    assert "out.failed.onnx" in ran.err and "a named pipe" in ran.err, ran.err


def test_a_new_or_a_regular_file_is_written_whatever_link_it_is(export, tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link.onnx").symlink_to("target")
    (tmp_path / "dangling.onnx").symlink_to("nowhere/x")
    for name in ("link.onnx", "dangling.onnx", "new.onnx"):
        assert export(tmp_path / name).code == 0
        assert export(tmp_path / name).code == 0
        onnx.load(tmp_path / name)
    assert (tmp_path / "target").read_text() == "precious"


# --- inputs, outputs and reports are different files ----------------------------------------------------


def alias(path, how):
    other = path.with_name("alias" + path.suffix)
    if how == "path":
        return path.parent / ".." / path.parent.name / path.name
    (os.link if how == "hard link" else os.symlink)(path, other)
    return other


@pytest.mark.parametrize("how", ["path", "hard link", "symbolic link"])
def test_nothing_is_written_over_what_is_read(onnxport, tmp_path, how):
    source = Path(shutil.copy(MODEL, tmp_path / "model.json"))
    config = tmp_path / "config.json"
    config.write_text('{"opset_version": 17}')
    original = weights_onnx(tmp_path / "m.json")
    for path, arguments in [
        (source, ["export", source, "-o", tmp_path / "o.onnx", "--report"]),
        (source, ["export", source, "-o"]),
        (source, ["export", source, "-o", tmp_path / "o.onnx", "--dump-program"]),
        (config, ["export", source, "-o", tmp_path / "o.onnx", "--config", config, "--report"]),
        (config, ["export", source, "--config", config, "-o"]),
        (config, ["verify", source, original, "--config", config, "--report"]),
        (source, ["verify", source, original, "--report"]),
        (original, ["verify", source, original, "--report"]),
        (original, ["simplify", original, "-o", tmp_path / "s.onnx", "--report"]),
        (original, ["simplify", original, "--overwrite", "--report"]),
        (original, ["simplify", original, "-o"]),
    ]:
        before = path.read_bytes()
        ran = onnxport(*arguments, alias(path, how))
        assert ran.code == 1, (arguments, ran.text)
        assert "would replace" in ran.err, (arguments, ran.err)
        assert path.read_bytes() == before
        assert not (tmp_path / "o.onnx").exists() and not (tmp_path / "s.onnx").exists()
        for made in tmp_path.glob("alias*"):
            made.unlink()


def test_a_report_is_not_an_output(onnxport, export, tmp_path):
    for output, arguments in [
        ("r.json", ["--report", tmp_path / "." / "r.json"]),
        ("r.json", ["--report", tmp_path / ".." / tmp_path.name / "r.json"]),
        ("o.onnx", ["--dump-program", tmp_path / "r.json", "--report", tmp_path / "r.json"]),
        ("o.onnx", ["--dump-program", tmp_path / "o.onnx"]),
        ("g.lowered.txt", ["--dump-graph", tmp_path / "g"]),
    ]:
        ran = export(tmp_path / output, *arguments)
        assert ran.code == 1 and "would replace" in ran.err, (arguments, ran.text)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pt2"]
    weights_onnx(tmp_path / "m.onnx")
    ran = onnxport("simplify", tmp_path / "m.onnx", "-o", tmp_path / "r.html", "--report", tmp_path / "r.html")
    assert ran.code == 1 and "the report would replace the output" in ran.err, ran.text


def test_external_data_is_not_written_over(onnxport, tmp_path):
    source = weights_onnx(tmp_path / "m.onnx", location="w.json")
    data = (tmp_path / "w.json").read_bytes()
    for arguments in [
        ["simplify", source, "-o", tmp_path / "w.json"],
        ["simplify", source, "-o", tmp_path / "o.onnx", "--report", tmp_path / "w.json"],
        ["simplify", source, "--overwrite", "--report", tmp_path / "w.json"],
        ["verify", MODEL, source, "--report", tmp_path / "w.json"],
    ]:
        ran = onnxport(*arguments)
        assert ran.code == 1 and "would replace the external data" in ran.err, (arguments, ran.text)
        assert (tmp_path / "w.json").read_bytes() == data
    assert onnxport("simplify", source, "--overwrite").code == 0


def test_a_refusal_is_json_where_json_was_asked_for(export, model):
    ran = export(model, "--json")
    assert (ran.code, ran.json["outcome"]) == (1, "refused")
    assert "would replace the model" in ran.json["error"]


# --- inputs that are no regular files --------------------------------------------------------------------


@pytest.mark.parametrize("where", ["pipe", "link", "/dev/zero", "/dev/stdin", "socket"])
def test_no_input_is_waited_for(onnxport, tmp_path, where):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    listening(tmp_path / "socket")
    path = where if where.startswith("/") else tmp_path / where
    weights_onnx(tmp_path / "m.onnx")
    for arguments in [
        ["inspect", path],
        ["check", path],
        ["export", path, "-o", tmp_path / "o.onnx"],
        ["verify", path, tmp_path / "m.onnx"],
        ["verify", MODEL, path],
        ["simplify", path, "-o", tmp_path / "o.onnx"],
        ["export", MODEL, "-o", tmp_path / "o.onnx", "--config", path],
    ]:
        ran = onnxport(*arguments, timeout=30)
        assert ran.code in (1, 2), (arguments, ran.text)
        assert "not a regular file" in ran.err, (arguments, ran.err)
        assert not (tmp_path / "o.onnx").exists()


# --- external data behind links -----------------------------------------------------------------------------


def test_external_data_is_read_through_links_that_stay_inside(onnxport, tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    source = weights_onnx(folder / "m.onnx", location="w.bin")
    shutil.move(folder / "w.bin", folder / "sub" / "w")
    (folder / "w.bin").symlink_to("sub/w")
    assert onnxport("check", source).code == 0
    assert onnxport("simplify", source, "-o", tmp_path / "o.onnx").code == 0


def test_a_model_hubs_cache_is_read(onnxport, tmp_path):
    """snapshots/1/m.onnx and its data are links to blobs/, under other names."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "1"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    weights_onnx(blobs / "m.onnx", location="m.onnx_data")
    for name, blob in (("m.onnx", "0a1b"), ("m.onnx_data", "2c3d")):
        (blobs / name).rename(blobs / blob)
        (snapshot / name).symlink_to(f"../../blobs/{blob}")
    assert onnxport("check", snapshot / "m.onnx").code == 0
    ran = onnxport("simplify", snapshot / "m.onnx", "-o", tmp_path / "o.onnx", "--no-check")
    assert ran.code == 0, ran.text
    weights = numpy_helper.to_array(onnx.load(tmp_path / "o.onnx").graph.initializer[0])
    assert weights[-1] == 32767


@pytest.mark.parametrize("command", ["inspect", "check", "simplify"])
@pytest.mark.parametrize("how", ["absolute", "relative", "folder", "chain", "pipe"])
def test_external_data_that_leads_out_is_not_read(onnxport, tmp_path, how, command):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "sub").mkdir()
    source = weights_onnx(folder / "m.onnx", location="sub/w.bin" if how == "folder" else "w.bin")
    if how == "folder":
        shutil.move(folder / "sub", tmp_path / "out")
        (folder / "sub").symlink_to("../out")
    else:
        shutil.move(folder / "w.bin", tmp_path / "secret")
        if how == "absolute":
            (folder / "w.bin").symlink_to(tmp_path / "secret")
        elif how == "relative":
            (folder / "w.bin").symlink_to("../secret")
        elif how == "chain":
            (folder / "next").symlink_to("../secret")
            (folder / "w.bin").symlink_to("next")
        else:
            os.mkfifo(folder / "w.bin")
    ran = onnxport(command, source, *(["-o", tmp_path / "o.onnx"] if command == "simplify" else []), timeout=30)
    assert ran.code == 1, ran.text
    assert ("not a regular file" if how == "pipe" else "leads out of the model's folder") in ran.err, ran.err
    assert not (tmp_path / "o.onnx").exists()


# --- streams that cannot be written to ------------------------------------------------------------------------


def shell(line, folder):
    return subprocess.run(
        ["bash", "-c", line.replace("onnxport", str(COMMAND)).replace("MODEL", str(MODEL))],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


COMMANDS = [
    "onnxport export MODEL -o o.onnx --no-verify",
    "onnxport export MODEL -o o.onnx --no-verify --json",
    "onnxport export none.pt2 -o o.onnx",
    "onnxport export none.pt2 -o o.onnx --json",
    "onnxport verify MODEL none.onnx",
    "onnxport check m.onnx",
    "onnxport inspect MODEL",
    "onnxport inspect MODEL --json",
    "onnxport simplify m.onnx",
    "onnxport simplify m.onnx --json",
    "onnxport simplify --list-rules",
    "onnxport operators",
    "onnxport operators --json",
    "onnxport --help",
    "onnxport export --help",
    "onnxport --version",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("out", ["> /dev/full", ">&-", "> >(true)", "> /dev/full 2>&1", "<&- >&- 2>&-"])
def test_stdout_that_takes_nothing_is_a_failure(tmp_path, command, out):
    weights_onnx(tmp_path / "m.onnx")
    # A pipe may take some before its reader is gone: then nothing failed.
    wait = "sleep 0.2; " if "true" in out else ""
    done = shell(f"exec {out}; {wait}{command}", tmp_path)
    assert done.returncode == 1, (done.returncode, done.stderr)
    if out in ("> /dev/full", ">&-") and "none" not in command:
        assert "the output could not be written" in done.stderr, done.stderr
    if "-o o.onnx --no-verify" in command:
        onnx.load(tmp_path / "o.onnx")  # nothing but the model went into it


@pytest.mark.parametrize("command", [c for c in COMMANDS if "--no-verify" in c or "simplify m" in c])
@pytest.mark.parametrize("err", ["2> /dev/full", "2>&-", "2> >(true)"])
def test_stderr_that_takes_nothing_is_a_failure(tmp_path, command, err):
    weights_onnx(tmp_path / "m.onnx")
    done = shell(f"exec {err}; sleep 0.2; {command}", tmp_path)
    assert done.returncode == (0 if "--json" in command else 1), done  # with --json nothing is told there
    if "--json" in command:
        assert json.loads(done.stdout)["outcome"] == "passed"


def test_wrong_usage_stays_wrong_usage(tmp_path):
    for err in ("2> /dev/full", "2>&-", "<&- >&- 2>&-"):
        assert shell(f"onnxport exprot {err}", tmp_path).returncode == 2


def test_a_closed_stream_is_no_file_of_the_run(tmp_path):
    done = shell("onnxport export MODEL -o o.onnx --report r.json --dump-program p.txt <&- >&- 2>&-", tmp_path)
    assert done.returncode == 1
    onnx.checker.check_model(tmp_path / "o.onnx")
    assert json.loads((tmp_path / "r.json").read_text())["outcome"] == "passed"
    assert (tmp_path / "p.txt").read_text().startswith("producer")


@pytest.mark.parametrize("report", ["none/r.json", "folder.json", "model.pt2/r.html"])
def test_a_report_that_cannot_be_written_is_refused_before_any_work(export, tmp_path, report):
    (tmp_path / "folder.json").mkdir()
    ran = export(tmp_path / "o.onnx", "--report", tmp_path / report)
    assert ran.code == 1, ran.text
    assert not (tmp_path / "o.onnx").exists()


def test_a_disk_that_fills_leaves_the_old_file(tmp_path, model):
    """A limit on the size of a file fails as a full disk does, in the same call."""
    (tmp_path / "o.onnx").write_text("old")
    done = shell("ulimit -f 1; onnxport export MODEL -o o.onnx --no-verify", tmp_path)
    assert done.returncode == 1, done
    assert "too large" in done.stderr, done.stderr
    assert (tmp_path / "o.onnx").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.pt2", "o.onnx"]


# --- text from a file ----------------------------------------------------------------------------------------------


def evil_onnx(path):
    x = helper.make_tensor_value_info("x" + EVIL, TensorProto.FLOAT, ["n" + EVIL, 4])
    y = helper.make_tensor_value_info("y" + EVIL, TensorProto.FLOAT, ["n" + EVIL, 4])
    nodes = [
        helper.make_node("Identity", ["x" + EVIL], ["i"], name="id" + EVIL),
        helper.make_node("Foo" + EVIL, ["i"], ["y" + EVIL], domain="dom" + EVIL, name="node" + EVIL),
    ]
    graph = helper.make_graph(nodes, "g" + EVIL, [x], [y])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("dom" + EVIL, 1)]
    made = helper.make_model(graph, opset_imports=imports, producer_name="p" + EVIL, ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


def assert_harmless(text):
    for raw in RAW:
        assert raw not in text, (raw, text)


@pytest.mark.parametrize("arguments", [["inspect"], ["inspect", "--json"], ["check"], ["simplify"], ["simplify", "--json"],
                                       ["simplify", "--no-check", "--trace-rules"], ["simplify", "--no-check", "--json"],
                                       ["simplify", "--input-shape", "nothing:1,2"]])  # fmt: skip
def test_no_name_in_an_onnx_file_acts_on_the_terminal(onnxport, tmp_path, arguments):
    source = evil_onnx(tmp_path / "e.onnx")
    reports = []
    if arguments[0] == "simplify":
        arguments = [*arguments, "-o", tmp_path / "s.onnx"]
        reports = [tmp_path / "r.html", tmp_path / "r.json"]
    for report in reports or [None]:
        ran = onnxport(*arguments, source, *(["--report", report] if report else []))
        assert_harmless(ran.text)
        if "--json" in arguments:
            assert isinstance(ran.json, dict)
        if report:
            assert_harmless(report.read_text())
            assert "<script>alert" not in report.read_text() or report.suffix == ".json"
    if arguments == ["inspect", "--json"]:
        assert ran.json["inputs"][0]["name"] == "x" + EVIL
    if arguments == ["inspect"]:
        assert "\\x1b[2J\\nPassed ✓  forged\\r\\u202e\\u009b31m\\x07" in ran.out, ran.out


def test_no_name_in_a_pt2_acts_on_the_terminal(onnxport, tmp_path):
    import zipfile

    quoted = json.dumps(EVIL)[1:-1]
    evil = tmp_path / "evil.pt2"
    with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(evil, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith(".json") and "models/" in info.filename:
                text = data.decode().replace("torch.ops.aten.relu.default", f"torch.ops.aten.re{quoted}.default")
                text = text.replace("torch.ops.aten.relu_.default", f"torch.ops.aten.re{quoted}.default")
                data = text.replace("forward(", f"forward{quoted}(").encode()
            new.writestr(info.filename, data)
    for report in (tmp_path / "r.html", tmp_path / "r.json"):
        ran = onnxport("export", evil, "-o", tmp_path / "o.onnx", "--report", report)
        assert ran.code == 1
        assert_harmless(ran.text)
        assert_harmless(report.read_text())
    assert_harmless(onnxport("inspect", evil).text)


def test_words_of_the_command_line_do_not_act_either(onnxport, tmp_path):
    for arguments in [[EVIL], ["export", EVIL, "-o", "x"], ["export", MODEL, "-o", tmp_path / "o.onnx", "--skip", EVIL],
                      ["inspect", tmp_path / EVIL.replace("/", "")], ["operators", EVIL]]:  # fmt: skip
        ran = onnxport(*arguments)
        assert ran.code in (1, 2)
        assert_harmless(ran.text)


def test_a_message_is_cut(onnxport, tmp_path):
    name = "n" * 8_800_000
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", [name], ["y"], name=name)], "g", [x], [x])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    for arguments in (["inspect"], ["check"], ["simplify"], ["simplify", "--json"]):
        ran = onnxport(*arguments, tmp_path / "m.onnx")
        assert ran.code == 1
        assert len(ran.text) < 25_000, len(ran.text)
        assert "bytes more)" in ran.text


# --- a model that speaks -----------------------------------------------------------------------------------------------


def test_what_a_model_prints_goes_nowhere(onnxport, tmp_path):
    import torch

    class Speaks(torch.nn.Module):
        def forward(self, x):
            print("\x1b[2JPassed ✓ forged", x.size(0))
            warnings.warn("\x1b[31mforged warning")
            return x * 2

    path = tmp_path / "speaks.pt"
    torch.jit.script(Speaks()).save(path)
    for command in (["inspect", path], ["inspect", path, "--json"], ["export", path, "-o", tmp_path / "o.onnx"],
                    ["export", path, "-o", tmp_path / "o.onnx", "--json"]):  # fmt: skip
        ran = onnxport(*command, "--input-shape", "2,3")
        assert "forged" not in ran.text, ran.text
        if "--json" in command:
            assert isinstance(ran.json, dict)


# --- a run that is killed ---------------------------------------------------------------------------------------------


def start(*arguments):
    return subprocess.Popen([COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def hidden(folder):
    return sorted(p.name for p in folder.iterdir() if p.name.startswith(".onnxport") or ".tmp-" in p.name)


def test_the_next_run_removes_what_a_killed_one_left(onnxport, small, tmp_path):
    output = tmp_path / "o.onnx"
    output.write_text("old")
    left = 0
    for wait in (0.01, 0.05, 0.1, 0.2, 0.4, 0.8):
        run = start("export", small, "-o", output)
        time.sleep(wait)
        run.send_signal(signal.SIGKILL)
        run.wait()
        left += len(hidden(tmp_path))
        assert output.read_bytes() == b"old" or onnx.load(output)
    deadline = time.time() + 20
    while not hidden(tmp_path) and time.time() < deadline:  # at least one that was killed while it was there
        run = start("export", small, "-o", output)
        while not hidden(tmp_path) and run.poll() is None:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert hidden(tmp_path)
    assert onnxport("export", small, "-o", output, "--no-verify").code == 0
    assert hidden(tmp_path) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.onnx"]


def test_a_run_leaves_the_folder_of_one_that_lives(onnxport, small, tmp_path):
    other = start("export", small, "-o", tmp_path / "other.onnx")
    while not hidden(tmp_path) and other.poll() is None:
        time.sleep(0.005)
    assert onnxport("inspect", small).code == 0
    assert onnxport("export", small, "-o", tmp_path / "o.onnx", "--no-verify").code == 0
    assert other.wait() == 0
    onnx.load(tmp_path / "other.onnx")
    assert hidden(tmp_path) == []


def test_exports_to_one_name_end_with_one_whole_file(small, tmp_path):
    runs = [start("export", small, "-o", tmp_path / "o.onnx", "--no-verify", "--report", tmp_path / "r.json") for _ in range(6)]
    assert [run.wait() for run in runs] == [0] * 6
    onnx.checker.check_model(tmp_path / "o.onnx", full_check=True)
    assert json.loads((tmp_path / "r.json").read_text())["outcome"] == "passed"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.onnx", "r.json"]
