"""What the command says to common mistakes: which word is wrong, what is meant instead, and exit code 2."""

import pytest

COMMANDS = "export, verify, check, inspect, simplify, operators"


@pytest.mark.parametrize(
    "arguments, said, hint",
    [
        ([], f"name a command: {COMMANDS}", "onnxport --help"),
        (["--quiet"], f"name a command before `--quiet`: {COMMANDS}", "onnxport --help"),
        (["exprot", "m.pt2"], "there is no command `exprot`; did you mean `export`?", "onnxport --help"),
        (["m.pt2"], f"there is no command `m.pt2`; the commands are {COMMANDS}", "onnxport --help"),
        (["export"], "`export` needs model: the model: a .pt2 or a TorchScript file", "onnxport export --help"),
        (["export", "m.pt2"], "`export` needs --output: the ONNX file to write", "onnxport export --help"),
        (["export", "m.pt2", "-o", "m.onnx", "--input-shpae", "1,3"],
         "`export` has no option `--input-shpae`; did you mean `--input-shape`?", "onnxport export --help"),
        (["verify", "m.pt2", "m.onnx", "--opset=13"], "`verify` has no option `--opset`", "onnxport verify --help"),
        (["verify", "m.pt2"], "`verify` needs onnx: the ONNX file", "onnxport verify --help"),
        (["check", "a.onnx", "b.onnx"], "`check` does not take `b.onnx` besides", "onnxport check --help"),
        (["export", "m.pt2", "-o", "m.onnx", "--opset", "new"], "--opset: `new` is not a whole number",
         "onnxport export --help"),
        (["export", "m.pt2", "-o", "m.onnx", "--tolerance", "small"], "--tolerance: `small` is not a number",
         "onnxport export --help"),
        (["export", "m.pt2", "-o", "m.onnx", "--seeds", "2.5"], "--seeds: `2.5` is not a whole number",
         "onnxport export --help"),
        (["export", "m.pt2", "-o"], "--output needs a value", "onnxport export --help"),
        (["simplify", "m.onnx", "--skip", "drop_identiy"], "near names: drop_identity", "onnxport simplify --help"),
        (["simplify", "m.onnx", "--skip", "xyz"], "`onnxport simplify --list-rules` lists them",
         "onnxport simplify --help"),
        (["-q", "export", "m.pt2", "-o", "m.onnx"], "`-q` is out of place: put it behind `export`",
         "onnxport export --help"),
        (["check", "a.onnx", "check"], "`check` does not take `check`", "onnxport check --help"),
        (["simplify"], "name the ONNX file to simplify", "onnxport simplify --help"),
    ],
)
def test_wrong_words_are_named_with_what_was_meant(onnxport, arguments, said, hint):
    ran = onnxport(*arguments)
    assert ran.code == 2, ran.text
    assert said in ran.err, ran.text
    assert f"`{hint}` lists" in ran.err, ran.text


def test_a_missing_config_file_is_named_once(onnxport, tmp_path):
    path = tmp_path / "none.json"
    ran = onnxport("export", "m.pt2", "-o", "m.onnx", "--config", path)
    assert ran.code == 2
    assert ran.err.count(str(path)) == 1 and "no such file" in ran.err, ran.err


@pytest.mark.parametrize("command", ["check", "simplify", "inspect"])
@pytest.mark.parametrize(
    "content, said",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"<!DOCTYPE html>\n<html></html>", "is a web page"),
        (b"", "is empty"),
        (b"\x89HDF\r\n\x1a\n" + bytes(32), "is an HDF5 file"),
    ],
)
def test_what_is_no_onnx_file_is_told_by_its_content(onnxport, tmp_path, command, content, said):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    ran = onnxport(command, path)
    assert ran.code == 1
    assert str(path) in ran.err and said in ran.err, ran.err


@pytest.mark.parametrize("command", [["check"], ["simplify"], ["verify", "model"]])
def test_a_pt2_where_onnx_is_wanted_is_answered_with_the_command_that_makes_it(onnxport, small, command):
    ran = onnxport(*[small if word == "model" else word for word in command], small)
    assert ran.code == 1
    assert "no ONNX file. `onnxport export` makes one" in ran.err, ran.err


def test_a_refused_verify_says_that_nothing_was_compared(onnxport, small, tmp_path):
    ran = onnxport("verify", small, tmp_path / "none.onnx")
    assert ran.code == 1
    assert "nothing was compared" in ran.out and "written" not in ran.out, ran.text


def test_names_are_counted(onnxport, small, tmp_path):
    for option, words in [("--input-names", "2 input names are given, the model has 1 input"),
                          ("--output-names", "2 output names are given, the model has 1 output")]:
        ran = onnxport("export", small, "-o", tmp_path / "m.onnx", option, "a,b")
        assert ran.code == 1 and words in ran.err and not ran.err.rstrip().endswith("puts"), ran.err
