"""What `onnxport simplify` puts together again computes in ONNX Runtime what stood there before."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import parser

NORMALIZED = """d = Sub(x, m) q = Mul(d, d) v = ReduceMean<axes = [-1]>(q) w = Add(v, e) r = Sqrt(w)
    n = Div(d, r) s = Mul(n, g) y = Add(s, b)"""
# name: opset, inputs and outputs, initializers, nodes, what is left
PATTERNS = {
    "layer_normalization": (
        17, "(float[N, 3, 4] x) => (float[N, 3, 4] y)",
        "<float e = {1e-5}, float[4] g = {1, 2, 3, 4}, float[4] b = {1, -1, 2, 0}>",
        "m = ReduceMean<axes = [-1]>(x) " + NORMALIZED, ["LayerNormalization"],
    ),
    "gelu": (
        20, "(float[N, 4] x) => (float[N, 4] y)", "<float r = {1.4142135}, float o = {1}, float h = {0.5}>",
        "d = Div(x, r) f = Erf(d) a = Add(f, o) m = Mul(x, a) y = Mul(m, h)", ["Gelu"],
    ),
    "hard_swish": (
        14, "(float[N, 4] x) => (float[N, 4] y)", "<float t = {3}, float z = {0}, float s = {6}>",
        "a = Add(x, t) c = Clip(a, z, s) m = Mul(x, c) y = Div(m, s)", ["HardSwish"],
    ),
    "mish": (
        18, "(float[N, 4] x) => (float[N, 4] y)", "", "s = Softplus(x) t = Tanh(s) y = Mul(x, t)", ["Mish"],
    ),
    "swish": (
        24, "(float[N, 4] x) => (float[N, 4] y)", "<float a = {1.5}>",
        "p = Mul(x, a) s = Sigmoid(p) y = Mul(x, s)", ["Swish"],
    ),
    "rms_normalization": (
        23, "(float[N, 3, 4] x) => (float[N, 3, 4] y)",
        "<float e = {1e-6}, float[4] g = {1, 2, 3, 4}, int64[1] a = {-1}>",
        "q = Mul(x, x) m = ReduceMean(q, a) v = Add(m, e) r = Sqrt(v) n = Div(x, r) y = Mul(n, g)",
        ["RMSNormalization"],
    ),
    "instance_normalization": (
        18, "(float[N, 2, 3, 4] x) => (float[N, 2, 3, 4] y)",
        "<float e = {1e-5}, float[2, 1, 1] g = {2, 3}, float[2, 1, 1] b = {1, -1}, int64[2] a = {2, 3}>",
        "m = ReduceMean(x, a) d = Sub(x, m) q = Mul(d, d) v = ReduceMean(q, a) w = Add(v, e) r = Sqrt(w)"
        " n = Div(d, r) s = Mul(n, g) y = Add(s, b)", ["InstanceNormalization"],
    ),
    "group_normalization": (
        21, "(float[N, 4, 3] x) => (float[N, 4, 3] y)",
        "<float[2] one = {1, 1}, float[2] zero = {0, 0}, float[4, 1] g = {1, 2, 3, 4},"
        " float[4, 1] b = {4, 3, 2, 1}, int64[3] in = {0, 2, -1}, int64[3] out = {0, 4, 3}>",
        "r = Reshape(x, in) i = InstanceNormalization(r, one, zero) k = Reshape(i, out) s = Mul(k, g)"
        " y = Add(s, b)", ["GroupNormalization"],
    ),
    "softmax": (
        18, "(float[N, 4] x) => (float[N, 4] y)", "<int64[1] a = {-1}>",
        "m = ReduceMax(x, a) d = Sub(x, m) e = Exp(d) s = ReduceSum(e, a) y = Div(e, s)", ["Softmax"],
    ),
    "l2_norm": (
        18, "(float[N, 4] x) => (float[N, 1] y)", "<int64[1] a = {-1}>",
        "q = Mul(x, x) s = ReduceSum(q, a) y = Sqrt(s)", ["ReduceL2"],
    ),
    "attention": (
        23, "(float[N, 2, 5, 4] x, float[N, 2, 6, 4] k, float[N, 2, 6, 4] v) => (float[N, 2, 5, 4] y)",
        "<float s = {2}>",
        "t = Transpose<perm = [0, 1, 3, 2]>(k) p = MatMul(x, t) d = Div(p, s) w = Softmax<axis = -1>(d)"
        " y = MatMul(w, v)", ["Attention"],
    ),
    "attention_with_a_mask": (
        23,
        "(float[N, 2, 5, 4] x, float[N, 2, 6, 4] k, float[N, 2, 6, 4] v, float[5, 6] m)"
        " => (float[N, 2, 5, 4] y)", "<float s = {0.3}>",
        "t = Transpose<perm = [0, 1, 3, 2]>(k) p = MatMul(x, t) d = Mul(p, s) a = Add(d, m)"
        " w = Softmax<axis = -1>(a) y = MatMul(w, v)", ["Attention"],
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_becomes_its_operator_and_computes_the_same(onnxport, tmp_path, name):
    opset, interface, initializers, nodes, left = PATTERNS[name]
    model = parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}]> g {interface} {initializers} {{ {nodes} }}'
    )
    source, out = tmp_path / "in.onnx", tmp_path / "out.onnx"
    onnx.save(model, source)
    ran = onnxport("simplify", source, "-o", out, "--json")
    assert ran.code == 0, ran.out
    report = json.loads(ran.out)
    assert not report.get("wrong_rules"), report
    assert [node.op_type for node in onnx.load(out).graph.node] == left

    # The command has compared the two; here they are once more, outside of it.
    rng = np.random.default_rng(0)
    feeds = {
        i.name: rng.standard_normal([d.dim_value or 3 for d in i.type.tensor_type.shape.dim]).astype(np.float32)
        for i in model.graph.input
    }
    before, after = (onnxruntime.InferenceSession(p).run(None, feeds)[0] for p in (source, out))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
