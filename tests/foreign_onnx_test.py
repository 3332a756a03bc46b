"""`onnxport simplify` on files that it did not make: a sample of ONNX's backend tests, random graphs, and what a
file must keep."""

from __future__ import annotations

import random
import sys

import inference_checks
import numpy as np
import onnx
import onnx_corpus as corpus
import pytest
import random_graphs
import simplify_checks
from conftest import COMMAND, ROOT
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(ROOT / "scripts"))
import sweep_onnx  # noqa: E402

SAMPLE = 150
SEEDS = 300  # other ones than those that scripts/fuzz_simplify starts with


@pytest.fixture(scope="session")
def models():
    return corpus.models(corpus.fetch())


# In parts, so that a failure names its few.
@pytest.mark.parametrize("part", range(10))
def test_backend_models_stay_right(models, part, tmp_path):
    some = sorted(random.Random(0).sample(models, SAMPLE))[part::10]
    assert len(some) == SAMPLE // 10
    sweep_onnx.simplify.options = ["--no-check"]
    lines = [sweep_onnx.sweep_one(COMMAND, name, path, tmp_path) for name, path in some]
    assert {l["name"]: l["problems"] for l in lines if l["problems"]} == {}
    assert sum(l["verdict"] == "equal" for l in lines) >= SAMPLE // 10 // 2


@pytest.mark.parametrize("part", range(10))
def test_random_graphs_stay_right(part, tmp_path):
    wrong = {}
    for seed in range(10**6 + part, 10**6 + SEEDS, 10):
        found, remark = simplify_checks.check_seed(COMMAND, seed, tmp_path, ["--no-check"])
        assert not remark.startswith("not run"), f"seed {seed}: {remark}"
        if found:
            wrong[seed] = found
    assert wrong == {}


@pytest.mark.parametrize("part", range(5))
def test_what_inference_says_is_true(models, part, tmp_path):
    wrong = {}
    some = [(n, p) for n, p in models if not n.startswith("light")]
    for name, path in sorted(random.Random(1).sample(some, SAMPLE))[part::5]:
        model = onnx.load(str(path))
        found = inference_checks.untrue(model, path, inference_checks.feeds_of(path, model))
        if found:
            wrong[name] = found
    for seed in range(2 * 10**6 + part, 2 * 10**6 + SEEDS, 5):
        model, feeds = random_graphs.make(seed)
        (tmp_path / "random.onnx").write_bytes(model.SerializeToString())
        found = inference_checks.untrue(model, tmp_path / "random.onnx", feeds)
        if found:
            wrong[seed] = found
    assert wrong == {}


def simplified(onnxport, model, tmp_path, *options):
    (tmp_path / "in.onnx").write_bytes(model.SerializeToString())
    ran = onnxport("simplify", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "-q", *options)
    assert ran.code == 0, ran.text
    return onnx.load(str(tmp_path / "out.onnx"))


def value_info(name, dims=("N", 4)):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)


def model_of(nodes, inputs=("x",), outputs=("y",), opset=17, **fields):
    graph = helper.make_graph(
        nodes, "g", [value_info(i) for i in inputs], [value_info(o) for o in outputs], fields.pop("initializer", [])
    )
    opsets = [helper.make_opsetid("", opset), *fields.pop("opsets", [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, **fields)


def test_what_is_written_about_a_model_stays(onnxport, tmp_path):
    relu = helper.make_node("Relu", ["x"], ["a"], name="first", doc_string="of the node")
    relu.metadata_props.add(key="layer", value="1")
    leaky = helper.make_node("LeakyRelu", ["a"], ["y"], alpha=0.5)
    leaky.attribute[0].doc_string = "of the attribute"
    model = model_of([relu, leaky], doc_string="of the model", producer_name="somebody", model_version=7)
    model.domain = "org.example"
    helper.set_model_props(model, {"author": "somebody"})
    model.graph.doc_string = "of the graph"
    model.graph.metadata_props.add(key="of", value="graph")
    x = model.graph.input[0]
    x.doc_string = "of the input"
    x.metadata_props.add(key="of", value="input")
    x.type.denotation = "IMAGE"
    x.type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    model.graph.value_info.append(value_info("a"))
    model.graph.value_info[0].type.tensor_type.shape.dim[1].denotation = "DATA_CHANNEL"
    training = model.training_info.add()
    training.algorithm.name = "none"
    model.opset_import[0].ClearField("domain")  # "" said or not said is the same
    after = simplified(onnxport, model, tmp_path)
    assert str(after) == str(model)


def test_a_file_says_no_more_types_than_before(onnxport, tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["b"]),
             helper.make_node("Exp", ["b"], ["y"])]
    model = model_of(nodes)
    model.graph.value_info.append(value_info("b", ["N", None]))
    after = simplified(onnxport, model, tmp_path)
    assert [v.name for v in after.graph.value_info] == ["b"]


def test_sizes_that_are_not_so_are_not_believed(onnxport, tmp_path):
    """An exporter's example batch, left in value_info of a file with a dynamic batch."""
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Shape", ["a"], ["s"]),
             helper.make_node("Reshape", ["a", "s"], ["b"]), helper.make_node("Exp", ["b"], ["y"])]
    model = model_of(nodes)
    model.graph.value_info.append(value_info("a", [1, 4]))
    after = simplified(onnxport, model, tmp_path)
    assert [n.op_type for n in after.graph.node] == ["Relu", "Exp"]
    x = np.ones((3, 4), np.float32)
    session = corpus.onnxruntime.InferenceSession(after.SerializeToString())
    assert session.run(None, {"x": x})[0].shape == (3, 4)


def test_initializers_that_are_inputs_can_still_be_overridden(onnxport, tmp_path):
    w = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    model = model_of([helper.make_node("Add", ["x", "w"], ["y"])], initializer=[w])
    model.graph.input.append(value_info("w", [4]))
    after = simplified(onnxport, model, tmp_path)
    assert [n.op_type for n in after.graph.node] == ["Add"]
    assert [i.name for i in after.graph.input] == ["x", "w"]


def test_quantized_pairs_stay(onnxport, tmp_path):
    scale = numpy_helper.from_array(np.array(0.5, np.float32), "scale")
    zero = numpy_helper.from_array(np.array(3, np.uint8), "zero")
    weight = numpy_helper.from_array(np.arange(16, dtype=np.uint8).reshape(4, 4), "weight")
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
             helper.make_node("DequantizeLinear", ["weight", "scale", "zero"], ["w"]),
             helper.make_node("MatMul", ["d", "w"], ["y"])]
    after = simplified(onnxport, model_of(nodes, initializer=[scale, zero, weight]), tmp_path)
    operators = [n.op_type for n in after.graph.node]
    assert operators == ["QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "MatMul"]


def test_quantization_annotations_keep_what_they_name(onnxport, tmp_path):
    tensors = [numpy_helper.from_array(np.array(0.5, np.float32), name) for name in ("scale", "unused")]
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], initializer=tensors)
    annotation = model.graph.quantization_annotation.add()
    annotation.tensor_name = "y"
    annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="scale")
    after = simplified(onnxport, model, tmp_path)
    assert list(after.graph.quantization_annotation) == list(model.graph.quantization_annotation)
    assert [t.name for t in after.graph.initializer] == ["scale"]


def test_sparse_initializers_stay(onnxport, tmp_path):
    values = numpy_helper.from_array(np.array([2.0], np.float32), "w")
    indices = numpy_helper.from_array(np.array([1], np.int64), "")
    model = model_of([helper.make_node("Identity", ["w"], ["v"]), helper.make_node("Add", ["x", "v"], ["y"])])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    after = simplified(onnxport, model, tmp_path)
    assert [n.op_type for n in after.graph.node] == ["Add"]
    assert list(after.graph.sparse_initializer) == list(model.graph.sparse_initializer)


def test_functions_and_custom_domains_stay(onnxport, tmp_path):
    body = [helper.make_node("Neg", ["a"], ["t"]), helper.make_node("Neg", ["t"], ["b"])]
    function = helper.make_function("here", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("Twice", ["x"], ["a"], domain="here"),
             helper.make_node("Unknown", ["a", "", "a"], ["b", "", "c"], domain="elsewhere", key="value"),
             helper.make_node("Add", ["b", "c"], ["y"])]
    opsets = [helper.make_opsetid("here", 1), helper.make_opsetid("elsewhere", 3)]
    model = model_of(nodes, opsets=opsets)
    model.functions.append(function)
    after = simplified(onnxport, model, tmp_path, "--no-check")
    assert list(after.functions) == [function]
    assert [n.SerializeToString() for n in after.graph.node] == [n.SerializeToString() for n in model.graph.node]
    assert sorted(o.domain for o in after.opset_import) == ["", "elsewhere", "here"]


def test_external_data_goes_into_the_file_or_beside_it(onnxport, tmp_path):
    w = numpy_helper.from_array(np.random.default_rng(0).standard_normal((4, 400)).astype(np.float32), "w")
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], initializer=[w])
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].CopyFrom(value_info("y", ["N", 400]))
    onnx.save(model, str(tmp_path / "in.onnx"), save_as_external_data=True, location="weights.bin", size_threshold=0)
    ran = onnxport("simplify", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "-q")
    assert ran.code == 0, ran.text
    after = onnx.load(str(tmp_path / "out.onnx"))
    assert np.array_equal(numpy_helper.to_array(after.graph.initializer[0]), numpy_helper.to_array(w))


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12, 13, 17, 21, onnx.defs.onnx_opset_version()])
def test_the_opset_stays(onnxport, tmp_path, opset):
    nodes = [helper.make_node("Dropout", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    after = simplified(onnxport, model_of(nodes, opset=opset), tmp_path, "--no-check")
    assert after.opset_import[0].version == opset
    assert [n.op_type for n in after.graph.node] == ["Relu"]


def test_an_opset_before_7_is_carried_over(onnxport, tmp_path):
    nodes = [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    after = simplified(onnxport, model_of(nodes, opset=6), tmp_path, "--no-check")
    assert [n.op_type for n in after.graph.node] == ["Identity", "Relu"]


def test_a_constant_if_is_inlined_and_names_stay_apart(onnxport, tmp_path):
    """Both branches, a body beside and the graph use the same names."""
    def branch(op):
        nodes = [helper.make_node(op, ["x"], ["t"]), helper.make_node("Neg", ["t"], ["r"])]
        return helper.make_graph(nodes, op, [], [value_info("r")])

    yes = numpy_helper.from_array(np.array(True), "yes")
    nodes = [
        helper.make_node("If", ["yes"], ["a"], then_branch=branch("Exp"), else_branch=branch("Abs")),
        helper.make_node("ReduceSum", ["a"], ["s"], keepdims=0),
        helper.make_node("Greater", ["s", "limit"], ["c"]),
        helper.make_node("If", ["c"], ["b"], then_branch=branch("Sin"), else_branch=branch("Cos")),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    limit = numpy_helper.from_array(np.array(0, np.float32), "limit")
    model = model_of(nodes, initializer=[yes, limit])
    after = simplified(onnxport, model, tmp_path)
    assert [n.op_type for n in after.graph.node] == ["Exp", "Neg", "ReduceSum", "Greater", "If", "Add"]
    onnx.checker.check_model(after, full_check=True)
    x = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
    both = [simplify_checks.run(m, [{"x": x}])[0][0] for m in (model, after)]
    assert np.array_equal(*both)
