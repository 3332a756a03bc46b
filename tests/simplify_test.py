"""`onnxport simplify` on models built here: every option, every refusal, and the proof."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import dev
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING, BOOL, HALF = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.STRING,
    TensorProto.BOOL,
    TensorProto.FLOAT16,
)


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def tensor(name, array, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(array, dtype=dtype), name)


def save(path, nodes, inputs, outputs, initializers=(), opset=17, extra_opsets=(), **fields):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", opset), *extra_opsets]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, **fields)
    onnx.save(model, path)
    return path


def convolution(path, batch="N"):
    """A Conv with its BatchNormalization, a shape chain and a Dropout that does nothing: 1 Conv, 1 Reshape at best."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"], name="norm"),
        helper.make_node("Dropout", ["n"], ["d"], name="drop"),
        helper.make_node("Shape", ["d"], ["shape"], name="shape"),
        helper.make_node("Gather", ["shape", "zero"], ["size"], name="size"),
        helper.make_node("Concat", ["size", "minus"], ["target"], name="target", axis=0),
        helper.make_node("Reshape", ["d", "target"], ["y"], name="flat"),
    ]
    initializers = [
        tensor("w", rng.standard_normal((4, 3, 3, 3))),
        tensor("s", rng.uniform(0.5, 2, 4)),
        tensor("b", rng.standard_normal(4)),
        tensor("m", rng.standard_normal(4)),
        tensor("v", rng.uniform(0.5, 2, 4)),
        tensor("zero", [0], np.int64),
        tensor("minus", [-1], np.int64),
    ]
    return save(path, nodes, [value("x", [batch, 3, 8, 8])], [value("y", [batch, 256])], initializers)


def sigmoids(path):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("Identity", ["a"], ["b"], name="same"),
        helper.make_node("Sigmoid", ["b"], ["c"], name="gate"),
        helper.make_node("Neg", ["c"], ["y"], name="last"),
    ]
    return save(path, nodes, [value("x", ["N", 4])], [value("y", ["N", 4])])


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def dims(info):
    return [d.dim_value if d.HasField("dim_value") else d.dim_param for d in info.type.tensor_type.shape.dim]


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def run(path, **inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


# --- what it writes, and where -----------------------------------------------------------------------


def test_the_file_stands_beside_the_original_and_computes_the_same(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    before = digest(source)
    ran = onnxport("simplify", source)
    assert ran.code == 0, ran.text
    assert ran.out.startswith("Passed ✓")
    out = tmp_path / "model.simplified.onnx"
    assert operators(out) == ["Conv", "Reshape"]
    assert digest(source) == before
    x = np.random.default_rng(1).standard_normal((3, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run(out, x=x)[0], run(source, x=x)[0], rtol=1e-4, atol=1e-5)


def test_the_table_shows_what_changed(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "-o", tmp_path / "o.onnx")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["BatchNormalization", "1", "0", "-1"] in lines
    assert ["all", "7", "2", "-5"] in lines
    assert ["1", "fuse_batch_normalization"] in lines
    assert not any(line[:1] == ["Conv"] for line in lines), "its number has not changed"
    assert "compared with the original in 4 runs" in ran.out


def test_nothing_is_left_behind(onnxport, tmp_path):
    onnxport("simplify", convolution(tmp_path / "model.onnx"), "-o", tmp_path / "o.onnx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "o.onnx"]


def test_the_original_is_replaced_only_when_told(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    before = digest(source)
    ran = onnxport("simplify", source, "-o", source)
    assert ran.code == 1
    assert "--overwrite" in ran.err
    assert digest(source) == before
    assert onnxport("simplify", source, "--overwrite").code == 0
    assert operators(source) == ["Conv", "Reshape"]
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_a_link_to_the_original_is_the_original(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    link = tmp_path / "link.onnx"
    link.symlink_to(source)
    assert onnxport("simplify", source, "-o", link).code == 1
    assert onnxport("simplify", source, "-o", link, "--overwrite").code == 0
    assert link.is_symlink()
    assert operators(source) == ["Conv", "Reshape"]


def test_simplifying_twice_changes_nothing(onnxport, tmp_path):
    onnxport("simplify", convolution(tmp_path / "model.onnx"), "-o", tmp_path / "a.onnx")
    onnxport("simplify", tmp_path / "a.onnx", "-o", tmp_path / "b.onnx")
    assert digest(tmp_path / "a.onnx") == digest(tmp_path / "b.onnx")


def test_external_data_is_carried(onnxport, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    model = onnx.load(convolution(tmp_path / "model.onnx"))
    onnx.save(model, folder / "m.onnx", save_as_external_data=True, size_threshold=0, location="weights.bin")
    assert onnxport("simplify", folder / "m.onnx", "-o", tmp_path / "o.onnx").code == 0
    assert operators(tmp_path / "o.onnx") == ["Conv", "Reshape"]


# --- settings ----------------------------------------------------------------------------------------


def test_a_skipped_rule_does_not_fire(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    ran = onnxport("simplify", source, "--skip", "fuse_batch_normalization", "--skip", "drop_inference_dropout", "--json")
    assert ran.json["operators"] == {"Conv": 1, "BatchNormalization": 1, "Dropout": 1, "Reshape": 1}


def test_an_unknown_rule_is_wrong_usage_and_names_near_ones(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "--skip", "fuse_batch_normalisation")
    assert ran.code == 2
    assert "fuse_batch_normalization" in ran.err
    assert not (tmp_path / "model.simplified.onnx").exists()


def test_exact_leaves_rounding_rules_out(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "--exact", "--json")
    assert "BatchNormalization" in ran.json["operators"]
    assert ran.json["identical"] is True


def test_no_check_neither_checks_nor_compares(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "--no-check", "--json")
    assert (ran.code, ran.json["checked"], ran.json["compared"]) == (0, False, False)
    assert any("--no-check" in note for note in ran.json["notes"])
    assert "check" not in ran.json["seconds"]


def test_the_rules_are_listed(onnxport):
    ran = onnxport("simplify", "--list-rules")
    rules = {line.split()[0]: line.split()[1] for line in ran.out.splitlines()}
    assert rules["fuse_batch_normalization"] == "rounding"
    assert rules["fold_constant"] == "exact"
    assert list(rules) == sorted(rules)


def test_the_trace_names_rule_and_node_in_order(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "--trace-rules", "--json")
    trace = ran.json["trace"]
    assert {"rule": "fuse_batch_normalization", "node": "norm", "op_type": "BatchNormalization"}.items() <= next(
        t for t in trace if t["node"] == "norm"
    ).items()
    assert sum(ran.json["rules_fired"].values()) == len(trace)
    text = onnxport("simplify", tmp_path / "model.onnx", "--trace-rules").out
    assert "BatchNormalization norm  (2 nodes -> 1)" in text


def test_the_trace_says_why_rules_leave_what_is_left(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    ran = onnxport("simplify", source, "--trace-rules", "--json")
    refusals = ran.json["refusals"]
    assert {"rule": "fuse_pad_into_conv", "reason": "no zeros padded before", "nodes": ["conv"]} in refusals
    assert {name for group in refusals for name in group["nodes"]} == {"conv", "flat"}  # the nodes that are left
    text = onnxport("simplify", source, "--trace-rules").out
    assert "fuse_pad_into_conv: applied 0 times\n          1  no zeros padded before: conv\n" in text
    assert "refusals" not in onnxport("simplify", source, "--json").json


@pytest.mark.parametrize("name", ["fuse_pad_into_conv", "conv"])
def test_the_trace_can_be_of_one_rule_or_one_node(onnxport, tmp_path, name):
    source = convolution(tmp_path / "model.onnx")
    ran = onnxport("simplify", source, f"--trace-rules={name}", "--json")
    assert ran.json["refusals"]
    assert all(name == group["rule"] or group["nodes"] == [name] for group in ran.json["refusals"])
    assert all(name in (step["rule"], step["node"]) for step in ran.json.get("trace", []))


def test_a_trace_of_nothing_says_so(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "--trace-rules=nobody", "--json")
    assert ran.code == 0
    assert any("`nobody`" in note for note in ran.json["notes"])


def test_folding_that_makes_the_file_grow_is_given_up(onnxport, tmp_path):
    nodes = [
        helper.make_node("Expand", ["c", "size"], ["e"], name="expand"),
        helper.make_node("MatMul", ["x", "e"], ["y"], name="product"),
    ]
    rng = np.random.default_rng(0)
    initializers = [tensor("c", rng.standard_normal((256, 1))), tensor("size", [256, 256], np.int64)]
    source = save(tmp_path / "m.onnx", nodes, [value("x", ["N", 256])], [value("y", ["N", 256])], initializers)
    out = tmp_path / "o.onnx"
    assert onnxport("simplify", source, "-o", out).code == 0
    assert operators(out) == ["Expand", "MatMul"]
    assert out.stat().st_size <= source.stat().st_size
    for most in ("300000", "300K", "1M", "30000%"):
        assert onnxport("simplify", source, "-o", out, "--max-growth", most).code == 0
        assert operators(out) == ["MatMul"], most
    assert onnxport("simplify", source, "-o", out, "--max-growth", "100K").code == 0
    assert operators(out) == ["Expand", "MatMul"]


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "5%%", "%", "K", "-2%"])
def test_a_growth_that_is_no_number_is_wrong_usage(onnxport, tmp_path, text):
    ran = onnxport("simplify", convolution(tmp_path / "m.onnx"), f"--max-growth={text}")
    assert ran.code == 2, ran.text


def test_quiet_prints_nothing_when_all_is_well(onnxport, tmp_path):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "-q")
    assert (ran.code, ran.text) == (0, "")


def test_reports_are_written(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    for name in ("r.json", "r.html"):
        assert onnxport("simplify", source, "--report", tmp_path / name).code == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["outcome"] == "passed"
    assert (report["nodes_before"], report["nodes"]) == (7, 2)
    assert list(report["seconds"]) == ["read", "simplify", "write", "check", "compare"]
    assert report["file_bytes"] == (tmp_path / "model.simplified.onnx").stat().st_size
    assert report["file_bytes_before"] == source.stat().st_size
    page = (tmp_path / "r.html").read_text()
    assert "BatchNormalization" in page and "http" not in page
    assert onnxport("simplify", source, "--report", tmp_path / "r.txt").code == 2


# --- sizes given to inputs ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["2,3,8,8", "x:2,3,8,8", "x:2,3,-1,?"])
def test_a_size_fixes_the_input_and_what_follows_from_it(onnxport, tmp_path, shape):
    source = convolution(tmp_path / "model.onnx")
    ran = onnxport("simplify", source, f"--input-shape={shape}")
    assert ran.code == 0, ran.text
    graph = onnx.load(tmp_path / "model.simplified.onnx").graph
    assert dims(graph.input[0]) == [2, 3, 8, 8]
    assert dims(graph.output[0]) == [2, 256]


def test_a_kept_size_stays_dynamic(onnxport, tmp_path):
    source = save(
        tmp_path / "m.onnx",
        [helper.make_node("Add", ["a", "b"], ["y"])],
        [value("a", ["N", "L"]), value("b", ["N", "L"])],
        [value("y", ["N", "L"])],
    )
    assert onnxport("simplify", source, "--input-shape", "b:?,7").code == 0
    graph = onnx.load(tmp_path / "m.simplified.onnx").graph
    assert [dims(v) for v in (*graph.input, *graph.output)] == [["N", 7]] * 3


@pytest.mark.parametrize(
    "shape, message",
    [
        ("z:1,3,8,8", "no input `z`"),
        ("1,3,8", "has 4"),
        ("1,4,8,8", "fixed at 3 and cannot become 4"),
    ],
)
def test_a_size_that_contradicts_the_model_is_refused(onnxport, tmp_path, shape, message):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), "--input-shape", shape)
    assert ran.code == 1
    assert message in ran.err
    assert not (tmp_path / "model.simplified.onnx").exists()


@pytest.mark.parametrize("shape", ["x:", "x:a", "1,,3", "-2,3,8,8"])
def test_a_shape_that_is_none_is_wrong_usage(onnxport, tmp_path, shape):
    ran = onnxport("simplify", convolution(tmp_path / "model.onnx"), f"--input-shape={shape}")
    assert ran.code == 2, ran.text


# --- files that cannot be read or written --------------------------------------------------------------


def test_a_file_that_is_not_there(onnxport, tmp_path):
    ran = onnxport("simplify", tmp_path / "none.onnx")
    assert ran.code == 1
    assert "none.onnx" in ran.err and "no such file" in ran.err


def test_no_file_at_all_is_wrong_usage(onnxport):
    assert onnxport("simplify").code == 2


@pytest.mark.parametrize("content", [b"", b"hello, this is no model", bytes(1000)])
def test_a_file_that_is_no_model(onnxport, tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    ran = onnxport("simplify", tmp_path / "m.onnx")
    assert ran.code == 1
    assert "m.onnx" in ran.err
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def test_a_file_that_is_cut_off(onnxport, tmp_path):
    whole = convolution(tmp_path / "model.onnx").read_bytes()
    for part in (1, 2, 3):
        (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) * part // 4])
        ran = onnxport("simplify", tmp_path / "cut.onnx", "-o", tmp_path / "o.onnx")
        assert ran.code == 1
        assert not (tmp_path / "o.onnx").exists()


def test_a_place_that_cannot_be_written_to(onnxport, tmp_path):
    source = convolution(tmp_path / "model.onnx")
    for place in (tmp_path / "no" / "such" / "o.onnx", tmp_path, Path("/proc/o.onnx")):
        ran = onnxport("simplify", source, "-o", place)
        assert ran.code == 1, place
        assert str(place) in ran.err


# --- what has to be carried, and how it is compared ----------------------------------------------------


def compared(onnxport, source, out, *arguments):
    """Simplifies; the report, which says that all was compared."""
    ran = onnxport("simplify", source, "-o", out, "--json", *arguments)
    assert ran.code == 0, ran.text
    assert ran.json["compared"] and ran.json["checked"], ran.json["notes"]
    assert ran.json["wrong_rules"] == []
    known = {line.split()[0] for line in onnxport("simplify", "--list-rules").out.splitlines()}
    assert set(ran.json["rules_fired"]) <= known, "what has no name in the list cannot be skipped"
    return ran.json


def test_inputs_of_every_kind_are_made_up(onnxport, tmp_path):
    nodes = [
        helper.make_node("Cast", ["h"], ["hf"], to=FLOAT),
        helper.make_node("Identity", ["hf"], ["same"]),
        helper.make_node("Gather", ["same", "i"], ["picked"]),
        helper.make_node("Where", ["b", "picked", "zero"], ["y"]),
        helper.make_node("Identity", ["s"], ["s1"]),
        helper.make_node("Identity", ["s1"], ["t"]),
    ]
    source = save(
        tmp_path / "m.onnx",
        nodes,
        [value("h", [10, 4], HALF), value("i", ["N"], INT64), value("b", ["N", 4], BOOL), value("s", ["N"], STRING)],
        [value("y", ["N", 4]), value("t", ["N"], STRING)],
        [tensor("zero", 0)],
    )
    report = compared(onnxport, source, tmp_path / "o.onnx")
    assert report["identical"] is True
    assert len(report["runs"]) >= 4
    assert "drop_identity" in report["rules_fired"]


def test_indices_that_the_original_does_not_take_are_replaced(onnxport, tmp_path):
    """Three rows: indices of 0 to 9 do not do, 0 and 1 do."""
    source = save(
        tmp_path / "m.onnx",
        [helper.make_node("Gather", ["w", "i"], ["a"]), helper.make_node("Identity", ["a"], ["y"])],
        [value("i", ["N"], INT64)],
        [value("y", ["N", 2])],
        [tensor("w", [[1, 2], [3, 4], [5, 6]])],
    )
    assert compared(onnxport, source, tmp_path / "o.onnx")["identical"]


def test_what_the_original_cannot_run_is_said_to_be_not_compared(onnxport, tmp_path):
    """Indices of 50 and more into three rows."""
    nodes = [
        helper.make_node("Add", ["i", "far"], ["j"]),
        helper.make_node("Gather", ["w", "j"], ["a"]),
        helper.make_node("Identity", ["a"], ["y"]),
    ]
    initializers = [tensor("w", [[1, 2], [3, 4], [5, 6]]), tensor("far", 50, np.int64)]
    source = save(tmp_path / "m.onnx", nodes, [value("i", ["N"], INT64)], [value("y", ["N", 2])], initializers)
    ran = onnxport("simplify", source, "-o", tmp_path / "o.onnx", "--json")
    assert (ran.code, ran.json["compared"], ran.json["checked"]) == (0, False, True)
    assert any("not compared" in note and "Gather" in note for note in ran.json["notes"])
    assert onnxport("simplify", source, "-o", tmp_path / "o.onnx").out.startswith("Written (not compared)")


def test_random_numbers_are_compared_in_type_only(onnxport, tmp_path):
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["r"]),
        helper.make_node("Add", ["x", "r"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
        helper.make_node("Relu", ["x"], ["z"]),
    ]
    source = save(tmp_path / "m.onnx", nodes, [value("x", ["N", 4])], [value("y", ["N", 4]), value("z", ["N", 4])])
    report = compared(onnxport, source, tmp_path / "o.onnx")
    assert any("random numbers reach them: y" in note for note in report["notes"])
    assert {o["name"]: o["identical"] for o in report["comparison"]} == {"y": False, "z": True}


def test_an_input_with_a_value_of_its_own_keeps_it(onnxport, tmp_path):
    nodes = [helper.make_node("Mul", ["x", "k"], ["a"]), helper.make_node("Identity", ["a"], ["y"])]
    source = save(
        tmp_path / "m.onnx", nodes, [value("x", ["N"]), value("k", [1])], [value("y", ["N"])], [tensor("k", [1])]
    )
    compared(onnxport, source, tmp_path / "o.onnx")
    graph = onnx.load(tmp_path / "o.onnx").graph
    assert [v.name for v in graph.input] == ["x", "k"]
    assert [n.op_type for n in graph.node] == ["Mul"], "another value may be given when it runs"


def test_subgraphs_are_simplified_and_compared(onnxport, tmp_path):
    def branch(name, op):
        nodes = [helper.make_node("Identity", ["x"], [name + "i"]), helper.make_node(op, [name + "i"], [name])]
        return helper.make_graph(nodes, name, [], [value(name, ["N", 4])])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], then_branch=branch("t", "Neg"), else_branch=branch("e", "Exp")),
    ]
    source = save(tmp_path / "m.onnx", nodes, [value("x", ["N", 4])], [value("y", ["N", 4])], [tensor("zero", 0)])
    report = compared(onnxport, source, tmp_path / "o.onnx")
    assert report["rules_fired"]["drop_identity"] == 2
    assert report["identical"] is True


def test_a_quantized_graph_stays_quantized(onnxport, tmp_path):
    rng = np.random.default_rng(0)
    q = ["scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *q], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", *q], ["xd"]),
        helper.make_node("DequantizeLinear", ["wq", "wscale", "zero"], ["wd"]),
        helper.make_node("Conv", ["xd", "wd"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", *q], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", *q], ["y"]),
    ]
    initializers = [
        tensor("scale", 0.02),
        tensor("wscale", 0.01),
        tensor("zero", 0, np.int8),
        tensor("wq", rng.integers(-127, 127, (4, 3, 1, 1)), np.int8),
    ]
    source = save(tmp_path / "m.onnx", nodes, [value("x", ["N", 3, 8, 8])], [value("y", ["N", 4, 8, 8])], initializers)
    report = compared(onnxport, source, tmp_path / "o.onnx")
    assert operators(tmp_path / "o.onnx") == [n.op_type for n in nodes]
    assert report["identical"] is True


def test_a_custom_operator_is_carried(onnxport, tmp_path):
    nodes = [
        helper.make_node("Identity", ["x"], ["a"]),
        helper.make_node("Strange", ["a"], ["b"], domain="example.custom", flavour="sour"),
        helper.make_node("Identity", ["b"], ["y"]),
    ]
    source = save(
        tmp_path / "m.onnx",
        nodes,
        [value("x", ["N", 4])],
        [value("y", ["N", 4])],
        extra_opsets=[helper.make_opsetid("example.custom", 3)],
    )
    ran = onnxport("simplify", source, "-o", tmp_path / "o.onnx", "--json")
    assert ran.code == 0, ran.text
    model = onnx.load(tmp_path / "o.onnx")
    (node,) = [n for n in model.graph.node if n.op_type == "Strange"]
    assert (node.domain, node.attribute[0].s) == ("example.custom", b"sour")
    assert {o.domain: o.version for o in model.opset_import}["example.custom"] == 3
    assert not ran.json["compared"]
    assert any("not compared" in note for note in ran.json["notes"])


def test_a_model_that_the_checker_refuses_is_still_simplified_and_compared(onnxport, tmp_path):
    source = sigmoids(tmp_path / "m.onnx")
    model = onnx.load(source)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5  # it is 4
    onnx.save(model, source)
    ran = onnxport("simplify", source, "-o", tmp_path / "o.onnx", "--json")
    assert ran.code == 0, ran.text
    assert ran.json["compared"] and not ran.json["checked"]
    assert any("the original does not pass" in note for note in ran.json["notes"])


def test_metadata_and_names_stay(onnxport, tmp_path):
    source = convolution(tmp_path / "m.onnx")
    model = onnx.load(source)
    model.doc_string, model.producer_name, model.model_version = "what it is for", "somebody", 7
    model.graph.doc_string = "the graph"
    model.graph.input[0].doc_string = "a picture"
    helper.set_model_props(model, {"licence": "none", "author": "nobody"})
    onnx.save(model, source)
    compared(onnxport, source, tmp_path / "o.onnx")
    after = onnx.load(tmp_path / "o.onnx")
    for field in ("doc_string", "producer_name", "model_version", "ir_version", "metadata_props"):
        assert getattr(after, field) == getattr(model, field), field
    assert after.graph.doc_string == "the graph"
    assert after.graph.input[0] == model.graph.input[0]


# --- a rule that is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, rule, reason",
    [("values", "make_sigmoid_wrong", "differs by up to"), ("invalid", "make_sigmoid_invalid", "NoSuchOperator")],
)
def test_a_wrong_rule_is_found_named_and_left_out(tmp_path, kind, rule, reason):
    source = sigmoids(tmp_path / "m.onnx")
    done = dev("wrong-simplify-rule", kind, source, tmp_path / "o.onnx")
    assert done.code == 0, done.text
    report = done.json
    (wrong,) = report["wrong_rules"]
    assert (wrong["rule"], wrong["node"], wrong["op_type"]) == (rule, "gate", "Sigmoid")
    assert reason in wrong["reason"]
    assert operators(tmp_path / "o.onnx") == ["Relu", "Sigmoid", "Neg"], "the other rules still apply"
    assert rule not in report["rules_fired"]
    assert report["compared"] and report["checked"]
    x = np.linspace(-3, 3, 8, dtype=np.float32).reshape(2, 4)
    assert np.array_equal(run(tmp_path / "o.onnx", x=x)[0], run(source, x=x)[0])
