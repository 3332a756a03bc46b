"""The table of options, as the command line, configuration files, the schema and the page show it."""

import json

import jsonschema
import onnx
import pytest
from conftest import ROOT, dev

SCHEMA = json.loads((ROOT / "docs" / "config.schema.json").read_text())
# These exclude each other.
ALONE = "static"


def settings(kind):
    """Key -> a value that is not the default, of every key of a file for `export` or `simplify`."""
    rows = [line.split("\t") for line in dev("options-keys").out.splitlines()]
    return {key: json.loads(value) for key, of, value in rows if of == kind}


@pytest.mark.parametrize("file, command", [("config.schema.json", "options-schema"), ("options.md", "options-page")])
def test_what_is_generated_is_up_to_date(file, command):
    assert (ROOT / "docs" / file).read_text() == dev(command).out, "run scripts/generate_docs"


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", ["export", "simplify"])
def test_a_file_with_every_key_is_valid_and_is_read(onnxport, kind, tmp_path):
    every = settings(kind)
    assert len(every) >= (18 if kind == "export" else 7)
    assert sorted([*every, "$schema"]) == sorted(SCHEMA["$defs"][kind]["properties"])
    every = {"$schema": "config.schema.json", **{k: v for k, v in every.items() if k != ALONE}}
    jsonschema.validate(every, SCHEMA)
    path = tmp_path / "every.json"
    path.write_text(json.dumps(every))
    # Read to the end: what is missing is the model.
    ran = onnxport(kind, tmp_path / "none.pt2", "-o", tmp_path / "m.onnx", "--config", path)
    assert ran.code == 1 and "no such file" in ran.err, ran.text


@pytest.mark.parametrize("kind", ["export", "simplify"])
def test_schema_and_command_refuse_the_same_values(onnxport, kind, tmp_path):
    """A list of lists of lists is right for no key."""
    path = tmp_path / "wrong.json"
    for key in settings(kind):
        wrong = {key: [[[]]]}
        path.write_text(json.dumps(wrong))
        assert not jsonschema.Draft202012Validator(SCHEMA["$defs"][kind]).is_valid(wrong), key
        ran = onnxport(kind, "m.pt2", "-o", "m.onnx", "--config", path)
        assert ran.code == 2, ran.text
        assert f'key "{key}"' in ran.err, ran.err


@pytest.mark.parametrize(
    "key, value, option, text, words",
    [
        ("opset_version", 12, "--opset", "12", "12 is out of range: 13 to 28"),
        ("seeds", 0, "--seeds", "0", "0 is out of range: 1 to 1000"),
        ("run_limit", -1, "--run-limit", "-1", "-1 is out of range: 0 or more"),
        ("tolerance", -0.5, "--tolerance", "-0.5", "-0.5 is out of range: 0 or more"),
        ("skip", ["no_rule"], "--skip", "no_rule", "there is no rule `no_rule`"),
        ("input_types", {"x": "float"}, "--input-type", "x=float", "there is no element type `float`"),
        ("input_ranges", {"x": [9, 0]}, "--input-range", "x=9..0", "the range 9..0 has its low end above"),
    ],
)
def test_a_wrong_value_is_told_alike_on_the_command_line_and_in_a_file(
    onnxport, tmp_path, key, value, option, text, words
):
    ran = onnxport("export", "m.pt2", "-o", "m.onnx", f"{option}={text}")
    assert ran.code == 2 and f"{option}: " in ran.err and words in ran.err, ran.text
    path = tmp_path / "export.json"
    path.write_text(json.dumps({key: value}))
    ran = onnxport("export", "m.pt2", "-o", "m.onnx", "--config", path)
    assert ran.code == 2 and f'export.json: key "{key}": ' in ran.err and words in ran.err, ran.text


def test_the_command_line_sets_back_what_a_file_sets(onnxport, small, tmp_path):
    path, out = tmp_path / "export.json", tmp_path / "m.onnx"
    path.write_text(json.dumps({"simplify": False, "verify": False, "exact": True}))
    ran = onnxport("export", small, "-o", out, "--config", path, "--simplify", "--verify", "--no-exact", "--json")
    assert ran.code == 0 and ran.json["verified"], ran.text
    assert not [n for n in onnx.load(out).graph.node if n.op_type == "BatchNormalization"]
    ran = onnxport("export", small, "-o", out, "--simplify", "--no-simplify")
    assert ran.code == 2 and "--simplify and --no-simplify exclude each other" in ran.err, ran.text


def test_verify_and_inspect_take_the_same_file(onnxport, small, tmp_path):
    path, out = tmp_path / "export.json", tmp_path / "m.onnx"
    path.write_text(json.dumps({"opset_version": 18, "seeds": 1, "verify": False}))
    assert onnxport("export", small, "-o", out, "--config", path).code == 0
    ran = onnxport("verify", small, out, "--config", path, "--json")
    assert ran.code == 0 and {run["seed"] for run in ran.json["runs"]} == {0}, ran.text
    assert onnxport("inspect", small, "--config", path).code == 0


def test_simplify_takes_a_configuration_file(onnxport, small, tmp_path):
    path, out, to = tmp_path / "simplify.json", tmp_path / "m.onnx", tmp_path / "s.onnx"
    assert onnxport("export", small, "-o", out, "--no-verify", "--no-simplify").code == 0
    path.write_text(json.dumps({"input_shape": {"input": [4, -1, -1, -1]}, "skip": ["fuse_batch_normalization"]}))
    ran = onnxport("simplify", out, "-o", to, "--config", path)
    assert ran.code == 0, ran.text
    graph = onnx.load(to).graph
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [4, 3, 16, 16]
    assert [n for n in graph.node if n.op_type == "BatchNormalization"]
    path.write_text(json.dumps({"opset_version": 17}))
    ran = onnxport("simplify", out, "-o", to, "--config", path)
    assert ran.code == 2 and "is not a setting of a simplification" in ran.err, ran.text


def test_help_lists_what_is_not_the_default(onnxport):
    text = onnxport("export", "--help").out
    assert "--no-simplify" in text and "--static" in text
    assert "--simplify " not in text and "--no-static" not in text
    assert "--opset INT=17" in text and "ONNX operator set, 13 to 28" in text
