"""`onnxport operators`: the list is what the rules say, and what it says of later opsets is so."""

import basic_operators_test
import operators_test
import pytest
import torch

LATER = [c for c in operators_test.CASES + basic_operators_test.CASES if 13 not in c.opsets]


@pytest.fixture(scope="module")
def listed(onnxport):
    """Overload ("aten::add.Tensor") -> the opsets that it, or some calls of it, need."""
    ran = onnxport("operators", "--json")
    assert ran.code == 0, ran.text
    opsets = {}
    for operator in ran.json:
        assert operator["opset"] == min(o["opset"] for o in operator["overloads"])
        for overload in operator["overloads"]:
            name = operator["operator"] + ("" if overload["name"] == "default" else "." + overload["name"])
            assert overload["schema"].startswith(name + "("), overload
            opsets[name] = {overload["opset"], *(part["opset"] for part in overload["parts"])}
    return opsets


@pytest.mark.parametrize("one", LATER, ids=[c.name for c in LATER])
def test_a_case_is_refused_below_the_opset_that_is_listed(onnxport, save, listed, tmp_path, one):
    least = min(one.opsets)
    _, path = operators_test.saved(one, save)
    graph = torch.export.load(path).graph
    called = [n.target._schema for n in graph.nodes if hasattr(n.target, "_schema")]
    names = [s.name + ("." + s.overload_name if s.overload_name else "") for s in called]
    assert any(least in listed.get(name, ()) for name in names), names
    out = tmp_path / "model.onnx"
    ran = onnxport("export", path, "-o", out, "--opset", least - 1, "--no-verify")
    assert ran.code == 1 and f"needs opset {least} (asked for: {least - 1})" in ran.text, ran.text
    assert not out.exists()


def test_the_table_has_a_row_for_each_operator(onnxport, listed):
    lines = onnxport("operators").out.splitlines()
    assert lines[0].split() == ["operator", "overloads", "opset", "remarks"]
    rows = lines[1:-2]
    assert lines[-1] == f"{len(rows)} operators, {len(listed)} overloads"
    assert [row.split()[0] for row in rows] == sorted({name.split(".")[0] for name in listed})
    sampler = next(row for row in rows if row.startswith("aten::grid_sampler "))
    assert sampler.split(maxsplit=3)[1:] == ["default", "16", "grid_sample of volumes from 20"]


def test_an_opset_and_a_filter_choose_rows(onnxport):
    at = {opset: onnxport("operators", "GRID_sampler", "--opset", opset).out for opset in (16, 20)}
    assert "aten::grid_sampler_2d" in at[16] and "aten::grid_sampler_3d" not in at[16]
    assert "aten::grid_sampler_3d" in at[20] and "aten::add" not in at[20]


def test_what_is_not_there_is_said(onnxport):
    ran = onnxport("operators", "no_such_operator")
    assert ran.code == 1 and "named like `no_such_operator`" in ran.err, ran.text
    ran = onnxport("operators", "grid_sampler", "--opset", 13)
    assert ran.code == 1 and "at opset 13" in ran.err, ran.text
    ran = onnxport("operators", "--opset", 7)
    assert ran.code == 2 and "opset 7 is not supported" in ran.err, ran.text
