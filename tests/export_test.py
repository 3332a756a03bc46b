"""`onnxport export` as a user meets it: what is written, what is said, and the exit code."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn


def test_export_writes_a_file_that_passes(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out)
    assert ran.code == 0, ran.text
    assert "Passed ✓" in ran.text
    model = onnx.load(out)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 17
    assert model.ir_version == 8


def test_default_names_and_dynamic_batch(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out, "--quiet").code == 0
    graph = onnx.load(out).graph
    assert [i.name for i in graph.input] == ["input"]
    assert [o.name for o in graph.output] == ["output"]
    dims = [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
    assert dims == ["batch_size", 3, 16, 16]
    dims = [d.dim_param or d.dim_value for d in graph.output[0].type.tensor_type.shape.dim]
    assert dims == ["batch_size", 10]


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_file_computes_what_pytorch_computes(onnxport, save, tmp_path, batch):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 5)).eval()
    out = tmp_path / "model.onnx"
    assert onnxport("export", save(model, torch.randn(2, 3, 8, 8)), "-o", out).code == 0
    x = torch.randn(batch, 3, 8, 8)
    got = onnxruntime.InferenceSession(out).run(None, {"input": x.numpy()})[0]
    np.testing.assert_allclose(got, model(x).detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("opset", range(13, 24))
def test_opset_is_the_one_asked_for(onnxport, small, tmp_path, opset):
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out, "--opset", opset)
    assert ran.code == 0, ran.text
    assert onnx.load(out).opset_import[0].version == opset


@pytest.mark.parametrize("opset", ["12", "99", "abc"])
def test_an_opset_that_is_not_supported_is_wrong_usage(onnxport, small, tmp_path, opset):
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out, "--opset", opset)
    assert ran.code == 2, ran.text
    assert f"--opset: {opset} is out of range: 13 to" in ran.err or f"--opset: `{opset}` is" in ran.err, ran.err
    assert not out.exists()


def test_weights_keep_their_names_and_nodes_their_module_paths(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    graph = onnx.load(out).graph
    assert "fc.bias" in {i.name for i in graph.initializer}
    names = [n.name for n in graph.node]
    assert any(n.startswith("layer1.0.conv1") for n in names), names
    assert len(names) == len(set(names)), "node names are unique"


def stated_values(onnxport, small, tmp_path):
    """The graph, and what it states of its values, by name."""
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    graph = onnx.load(out).graph
    return graph, {v.name: v for v in [*graph.input, *graph.value_info, *graph.output]}


def test_every_value_of_a_node_is_stated(onnxport, small, tmp_path):
    graph, stated = stated_values(onnxport, small, tmp_path)
    assert len(graph.value_info) > 5
    assert {o for n in graph.node for o in n.output if o} <= set(stated)


def test_every_value_has_type_and_shape(onnxport, small, tmp_path):
    _, stated = stated_values(onnxport, small, tmp_path)
    for name, value in stated.items():
        tensor = value.type.tensor_type
        assert tensor.elem_type == onnx.TensorProto.FLOAT, name
        sizes = [d.dim_param or d.dim_value for d in tensor.shape.dim]
        assert sizes[:1] == ["batch_size"] and all(size > 0 for size in sizes[1:]), (name, sizes)
        assert len(sizes) in (2, 4), (name, sizes)


def test_result_has_no_batch_norm_left_and_no_dead_node(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    graph = onnx.load(out).graph
    assert not [n for n in graph.node if n.op_type in ("BatchNormalization", "Identity", "Dropout")]
    used = {i for n in graph.node for i in n.input} | {o.name for o in graph.output}
    assert not [n.name for n in graph.node if not used & set(n.output)]


def test_without_simplify_the_batch_norm_stays(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out, "--no-simplify").code == 0
    assert [n for n in onnx.load(out).graph.node if n.op_type == "BatchNormalization"]


def test_two_exports_are_equal_byte_by_byte(onnxport, small, tmp_path):
    one, two = tmp_path / "one.onnx", tmp_path / "two.onnx"
    assert onnxport("export", small, "-o", one, "--no-verify").code == 0
    assert onnxport("export", small, "-o", two).code == 0
    assert one.read_bytes() == two.read_bytes()


def test_static_has_no_dynamic_dimension(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out, "--static", "--input-shape", "4,3,16,16")
    assert ran.code == 0, ran.text
    graph = onnx.load(out).graph
    dims = [d.dim_param or d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
    assert dims == [4, 3, 16, 16]


def test_names_can_be_given(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out, "--input-names", "image", "--output-names", "logits")
    assert ran.code == 0, ran.text
    graph = onnx.load(out).graph
    assert [i.name for i in graph.input] == ["image"]
    assert [o.name for o in graph.output] == ["logits"]


def test_config_file(onnxport, small, tmp_path):
    config = tmp_path / "export.json"
    config.write_text(
        json.dumps(
            {
                "opset_version": 15,
                "input_shape": [2, 3, 16, 16],
                "dynamic_axes": {"input": {"0": "n"}},
                "simplify": False,
            }
        )
    )
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out, "--config", config)
    assert ran.code == 0, ran.text
    model = onnx.load(out)
    assert model.opset_import[0].version == 15
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    assert [n for n in model.graph.node if n.op_type == "BatchNormalization"]


def test_option_beats_config_file(onnxport, small, tmp_path):
    config = tmp_path / "export.json"
    config.write_text('{"opset_version": 15}')
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out, "--config", config, "--opset", 16).code == 0
    assert onnx.load(out).opset_import[0].version == 16


@pytest.mark.parametrize(
    "text, said",
    [
        ("{", "not valid JSON"),
        ("[]", "found []"),
        ('{"opset_version": "new"}', '"opset_version"'),
        ('{"opset_versoin": 17}', 'did you mean "opset_version"?'),
    ],
)
def test_bad_config_file_is_named(onnxport, small, tmp_path, text, said):
    config = tmp_path / "export.json"
    config.write_text(text)
    ran = onnxport("export", small, "-o", tmp_path / "model.onnx", "--config", config)
    assert ran.code == 2, ran.text
    assert str(config) in ran.err and said in ran.err, ran.err


def test_several_inputs_and_dict_outputs(onnxport, save, tmp_path):
    class Two(nn.Module):
        def forward(self, image, ids):
            return {"scaled": image * 2.0, "next": ids + 1}

    path = save(Two(), (torch.randn(2, 4), torch.arange(6).reshape(2, 3)))
    out = tmp_path / "model.onnx"
    ran = onnxport("export", path, "-o", out)
    assert ran.code == 0, ran.text
    graph = onnx.load(out).graph
    assert [i.name for i in graph.input] == ["image", "ids"]
    assert [o.name for o in graph.output] == ["scaled", "next"]
    assert graph.input[1].type.tensor_type.elem_type == onnx.TensorProto.INT64


def test_report_as_json(onnxport, small, tmp_path):
    out, report = tmp_path / "model.onnx", tmp_path / "report.json"
    assert onnxport("export", small, "-o", out, "--report", report).code == 0
    found = json.loads(report.read_text())
    assert found["outcome"] == "passed"
    assert found["opset"] == 17
    assert found["nodes"] == len(onnx.load(out).graph.node)
    assert found["file_bytes"] == out.stat().st_size
    assert found["inputs"] == [{"name": "input", "dtype": "float32", "dims": ["batch_size", 3, 16, 16]}]
    assert found["comparison"][0]["name"] == "output"
    assert found["comparison"][0]["max_abs_difference"] < 1e-4
    assert list(found["seconds"]) == ["read", "lower", "simplify", "write", "check", "verify"]


def test_every_key_of_the_report_is_documented(onnxport, small, tmp_path):
    from conftest import ROOT

    text = (ROOT / "docs" / "report.md").read_text()
    ran = onnxport("export", small, "-o", tmp_path / "model.onnx", "--json")
    keys = set(ran.json) | {k for o in ran.json["comparison"] for k in o}
    assert not [k for k in keys if f"`{k}`" not in text]


def test_an_output_that_is_infinite_on_one_side_is_shown_so(onnxport, save, tmp_path):
    class Sums(nn.Module):
        """PyTorch adds up in double precision and comes back from beyond float32; ONNX Runtime does not."""

        def forward(self, x):
            return torch.cumsum(x * 0 + torch.tensor([3e38, 3e38, -3e38]), dim=1)

    report = tmp_path / "report"
    for ending in (".json", ".html"):
        ran = onnxport("export", save(Sums(), torch.randn(2, 3)), "-o", tmp_path / "model.onnx",
                       "--report", report.with_suffix(ending))
        assert ran.code == 1
        assert "max abs inf, max rel inf" in ran.text, ran.text
        assert "inf at [0, 2] where PyTorch has 3e+38" in ran.text, ran.text
    found = json.loads(report.with_suffix(".json").read_text())["comparison"][0]
    assert (found["max_abs_difference"], found["max_rel_difference"]) == ("Infinity", "Infinity")
    assert 'class="n">inf<' in report.with_suffix(".html").read_text()


def test_json_on_the_screen_is_only_json(onnxport, small, tmp_path):
    ran = onnxport("export", small, "-o", tmp_path / "model.onnx", "--json")
    assert ran.code == 0
    assert ran.json["outcome"] == "passed"


def test_report_as_html_stands_alone(onnxport, small, tmp_path):
    report = tmp_path / "report.html"
    assert onnxport("export", small, "-o", tmp_path / "m.onnx", "--report", report).code == 0
    page = report.read_text()
    assert "<html" in page and "Passed" in page
    assert not re.findall(r'(?:src|href)="https?:', page)


def test_quiet_says_nothing_when_all_is_well(onnxport, small, tmp_path):
    ran = onnxport("export", small, "-o", tmp_path / "model.onnx", "--quiet")
    assert (ran.code, ran.text.strip()) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [(), ("export",), ("export", "x.pt2"), ("nonsense",), ("export", "a", "-o", "b", "--no-such")],
)
def test_usage_errors_exit_2(onnxport, arguments):
    assert onnxport(*arguments).code == 2


def test_help_exits_0(onnxport):
    ran = onnxport("--help")
    assert ran.code == 0
    for command in ("export", "check", "verify", "inspect"):
        assert command in ran.out


def test_inspect_pt2_and_onnx(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    for path in (small, out):
        ran = onnxport("inspect", path)
        assert ran.code == 0, ran.text
        assert "3, 16, 16" in ran.text.replace("x", ", ")


def test_check_accepts_a_good_file_and_refuses_a_bad_one(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    assert onnxport("export", small, "-o", out).code == 0
    assert onnxport("check", out).code == 0
    model = onnx.load(out)
    model.graph.node[0].op_type = "NoSuchOperator"
    bad = tmp_path / "bad.onnx"
    onnx.save(model, bad)
    ran = onnxport("check", bad)
    assert ran.code == 1
    assert "NoSuchOperator" in ran.text


def test_batch_of_a_fixed_export_is_made_dynamic_where_that_is_proven(onnxport, save, tmp_path):
    torch.manual_seed(0)
    path = save(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), torch.randn(1, 3, 8, 8), dynamic=False)
    out = tmp_path / "model.onnx"
    ran = onnxport("export", path, "-o", out)
    assert ran.code == 0, ran.text
    dim = onnx.load(out).graph.input[0].type.tensor_type.shape.dim[0]
    assert dim.dim_param == "batch_size"
    assert "made dynamic, and verified against it" in ran.out, ran.out


def test_why_a_batch_stays_fixed_is_said(onnxport, save, tmp_path):
    path = save(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), torch.randn(1, 3, 8, 8), dynamic=False)
    out = tmp_path / "model.onnx"
    ran = onnxport("export", path, "-o", out, "--no-verify")
    assert ran.code == 0, ran.text
    assert onnx.load(out).graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
    assert "the batch stays fixed" in ran.out and "--no-verify" in ran.out, ran.out


def test_rules_of_the_simplifier_can_be_left_out(onnxport, small, tmp_path):
    out = tmp_path / "model.onnx"
    ran = onnxport("export", small, "-o", out, "--skip", "fuse_batch_normalization", "--json")
    assert ran.code == 0, ran.text
    assert ran.json["operators"]["BatchNormalization"] == 2
    ran = onnxport("export", small, "-o", out, "--exact", "--json")
    assert ran.json["operators"]["BatchNormalization"] == 2
    ran = onnxport("export", small, "-o", out, "--skip", "fuse_batch_normalisation")
    assert ran.code == 2
    assert "fuse_batch_normalization" in ran.err


def test_program_and_graphs_can_be_written_as_text(onnxport, small, tmp_path):
    ran = onnxport("export", small, "-o", tmp_path / "model.onnx", "--no-verify",
                   "--dump-program", tmp_path / "program.txt", "--dump-graph", tmp_path / "graph")
    assert ran.code == 0, ran.text
    assert "aten::conv2d" in (tmp_path / "program.txt").read_text()
    assert "BatchNormalization(" in (tmp_path / "graph.lowered.txt").read_text()
    simplified = (tmp_path / "graph.simplified.txt").read_text()
    assert "Conv(" in simplified and "BatchNormalization(" not in simplified


def test_the_text_of_a_program_replaces_no_model(onnxport, small, tmp_path):
    model = tmp_path / "copy.pt2"
    model.write_bytes(Path(small).read_bytes())
    ran = onnxport("export", model, "-o", tmp_path / "model.onnx", "--dump-program", model)
    assert ran.code == 1 and "would replace the model" in ran.err, ran.text
    assert model.read_bytes() == Path(small).read_bytes()
