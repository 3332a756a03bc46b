"""Broken ONNX files: `onnxport simplify` gives an error or a file, never a crash and never a hang.

Mutations are seeded: bytes flipped, cut off or inserted, and fields of the message set to what they must not
be. scripts/test --sanitizers runs them with the address and undefined behaviour sanitizers."""

from __future__ import annotations

import os
import random
import subprocess

import numpy as np
import onnx
import onnx_corpus as corpus
import pytest
import random_graphs
from conftest import COMMAND
from onnx import AttributeProto, TensorProto, helper, numpy_helper

FILES = int(os.environ.get("ONNXPORT_BROKEN_FILES", "40"))  # for each kind of mutation
WORST = [0, -1, 1, 2, -2, 7, 2**31 - 1, -(2**31), 2**31, 2**62, -(2**62), 2**63 - 1, -(2**63)]


def run(path, tmp_path):
    """Exit code and text; a crash, a sanitizer's finding or a hang fails the test."""
    try:
        ran = subprocess.run(
            [COMMAND, "simplify", path, "-o", tmp_path / "out.onnx", "-q", "--no-check"],
            capture_output=True, timeout=120, env={**os.environ, "ASAN_OPTIONS": "exitcode=77:detect_leaks=0"},
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"it hangs on {keep(path)}")
    text = (ran.stdout + ran.stderr).decode(errors="replace")
    if ran.returncode not in (0, 1):
        pytest.fail(f"exit {ran.returncode} on {keep(path)}: {text[-1500:]}")
    if ran.returncode == 1:
        assert text.strip(), f"no message for {keep(path)}"
    return ran.returncode, text


def keep(path):
    """The file, where it can be looked at after the test."""
    folder = os.environ.get("ONNXPORT_KEEP_BROKEN")
    if not folder:
        return path
    target = os.path.join(folder, os.path.basename(path))
    with open(path, "rb") as source, open(target, "wb") as copy:
        copy.write(source.read())
    return target


def files(seed):
    """A small model to break: a random graph, or one of the backend tests."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        return random_graphs.make(rng.randrange(10**9))[0].SerializeToString()
    models = [p for _, p in corpus.models(corpus.fetch()) if p.stat().st_size < 20000]
    return rng.choice(models).read_bytes()


def break_bytes(rng, content):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(content))
        kind = rng.randrange(4)
        if kind == 0:
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            content[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif kind == 2:
            del content[at : at + rng.randrange(1, 8)]
        else:
            content[at:at] = rng.randbytes(rng.randrange(1, 8))
        if not content:
            break
    return bytes(content)


def cut(rng, content):
    return content[: rng.randrange(len(content))]


def graphs_of(graph):
    found = [graph]
    for g in found:
        for node in g.node:
            found.extend(a.g for a in node.attribute if a.type == AttributeProto.GRAPH)
    return found


def break_message(rng, content):
    """A few fields get values that they must not have; the file still parses."""
    model = onnx.load_model_from_string(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        graph = rng.choice(graphs_of(model.graph))
        names = [o for n in graph.node for o in n.output] + [t.name for t in graph.initializer] + ["", "x", "nothing"]
        kind = rng.randrange(14)
        node = rng.choice(graph.node) if graph.node else None
        tensor = rng.choice(graph.initializer) if graph.initializer else None
        if kind == 0 and node is not None and node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice(names)
        elif kind == 1 and node is not None and node.output:
            node.output[rng.randrange(len(node.output))] = rng.choice(names)
        elif kind == 2 and node is not None:
            del node.input[rng.randrange(len(node.input) + 1) :]
        elif kind == 3 and node is not None:
            node.input.extend(rng.choice(names) for _ in range(rng.choice([1, 3])))
        elif kind == 4 and node is not None:
            node.op_type = rng.choice(
                ["Reshape", "Transpose", "Slice", "Conv", "Gemm", "If", "Loop", "Scan", "Split", "Pad", "Resize",
                 "Range", "Concat", "Gather", "Where", "Cast", "Einsum", "TopK", "OneHot", "LSTM", "BatchNormalization",
                 "ConstantOfShape", "Constant", "Expand", "Tile", "Clip", "ReduceSum", "Trilu", "Squeeze", "Unsqueeze"])
        elif kind == 5 and node is not None and node.attribute:
            a = rng.choice(node.attribute)
            if a.type == AttributeProto.INT:
                a.i = rng.choice(WORST)
            elif a.type == AttributeProto.INTS:
                a.ints[:] = [rng.choice(WORST) for _ in range(rng.choice([0, 1, len(a.ints), 9]))]
            elif a.type == AttributeProto.FLOAT:
                a.f = rng.choice([float("nan"), float("inf"), -1e38, 0.0])
            elif a.type == AttributeProto.GRAPH:
                a.g.Clear()
            else:
                a.type = rng.randrange(0, 15)
        elif kind == 6 and node is not None and node.attribute:
            rng.choice(node.attribute).name = rng.choice(["axis", "perm", "value", "body", "then_branch", "to", "pads"])
        elif kind == 7 and tensor is not None:
            tensor.dims[:] = [rng.choice(WORST) for _ in range(rng.randrange(4))]
        elif kind == 8 and tensor is not None:
            tensor.data_type = rng.choice([0, *range(1, 30), 1000])
        elif kind == 9 and tensor is not None and tensor.data_type == TensorProto.INT64:
            n = int(np.prod(tensor.dims)) if tensor.dims else 1
            values = np.array([rng.choice(WORST) for _ in range(n)], np.int64).reshape(tuple(tensor.dims))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        elif kind == 10 and tensor is not None:
            array = np.full(tuple(tensor.dims), rng.choice([0, 1, 3]), rng.choice(["f4", "f8", "i4", "i8", "u1", "?", "c8"]))
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        elif kind == 11:
            info = rng.choice([*graph.input, *graph.output, *graph.value_info])
            shape = info.type.tensor_type.shape
            del shape.dim[:]
            for _ in range(rng.randrange(5)):
                shape.dim.add().dim_value = rng.choice(WORST)
        elif kind == 12:
            info = rng.choice([*graph.input, *graph.output])
            if rng.random() < 0.5:
                info.name = rng.choice(names)
            else:
                info.type.tensor_type.elem_type = rng.randrange(30)
        elif kind == 13:
            model.opset_import[0].version = rng.choice([0, 1, 7, 9, 12, 13, 18, 30, 2**40, -1])
    return model.SerializeToString()


@pytest.mark.parametrize("kind", [break_bytes, cut, break_message], ids=lambda f: f.__name__)
@pytest.mark.parametrize("part", range(5))
def test_mutations_give_an_error_or_a_file(kind, part, tmp_path):
    refused = 0
    for seed in range(part, FILES * 5, 5):
        rng = random.Random(f"{kind.__name__}{seed}")
        path = tmp_path / f"{kind.__name__}{seed}.onnx"
        path.write_bytes(kind(rng, files(seed)))
        refused += run(path, tmp_path)[0]
    assert refused > 0


# --- one by one ------------------------------------------------------------------------------------------


def write(tmp_path, nodes, initializers=(), inputs=("x",), outputs=("y",), opset=17):
    infos = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 4]) for n in names] for names in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", *infos, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = tmp_path / "bad.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def refused(path, tmp_path, *words):
    code, text = run(path, tmp_path)
    assert code == 1, text
    assert "bad.onnx" in text
    for word in words:
        assert word in text, text


def test_cycle(tmp_path):
    nodes = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("Neg", ["b"], ["y"])]
    refused(write(tmp_path, nodes), tmp_path, "cycle")


def test_cycle_in_a_body(tmp_path):
    info = helper.make_tensor_value_info("r", TensorProto.FLOAT, ["N", 4])
    body = helper.make_graph([helper.make_node("Add", ["x", "r"], ["a"]), helper.make_node("Relu", ["a"], ["r"])],
                             "body", [], [info])
    condition = helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0)
    nodes = [condition, helper.make_node("Cast", ["s"], ["c"], to=TensorProto.BOOL),
             helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)]
    refused(write(tmp_path, nodes), tmp_path, "cycle")


def test_body_that_needs_its_own_result(tmp_path):
    info = helper.make_tensor_value_info("r", TensorProto.FLOAT, ["N", 4])
    body = helper.make_graph([helper.make_node("Relu", ["y"], ["r"])], "body", [], [info])
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)]
    refused(write(tmp_path, nodes, inputs=("x", "c")), tmp_path, "cycle")


def test_names_twice(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y"])]
    refused(write(tmp_path, nodes), tmp_path, "y", "unique")
    tensors = [numpy_helper.from_array(np.zeros(4, np.float32), "w")] * 2
    refused(write(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], tensors), tmp_path, "w", "twice")


def test_a_name_that_nothing_gives(tmp_path):
    refused(write(tmp_path, [helper.make_node("Add", ["x", "ghost"], ["y"])]), tmp_path, "ghost", "Add")


def test_too_few_inputs(tmp_path):
    refused(write(tmp_path, [helper.make_node("Add", ["x"], ["y"])]), tmp_path, "Add", "2")
    refused(write(tmp_path, [helper.make_node("Reshape", ["x", ""], ["y"])]), tmp_path, "Reshape", "shape")


@pytest.mark.parametrize("dims", [[2**62, 4], [-1], [2**40, 2**40]], ids=str)
def test_initializer_whose_sizes_lie(tmp_path, dims):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=b"\0" * 16)
    refused(write(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], [tensor]), tmp_path, "initializer w")


def test_initializer_that_is_too_short(tmp_path):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], raw_data=b"\0" * 12)
    refused(write(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], [tensor]), tmp_path, "initializer w", "12", "16")


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/hostname", "missing.bin"])
def test_external_data_that_is_not_there(tmp_path, place):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=place)
    (tmp_path.parent / "secret.bin").write_bytes(b"\0" * 16)
    refused(write(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], [tensor]), tmp_path, place)


@pytest.mark.parametrize("offset,length", [(10, 16), (2**63, 16), (0, 2**62), (0, 8)])
def test_external_data_that_ends_too_early(tmp_path, offset, length):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "w.bin"), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    (tmp_path / "w.bin").write_bytes(b"\0" * 20)
    refused(write(tmp_path, [helper.make_node("Add", ["x", "w"], ["y"])], [tensor]), tmp_path, "w")


def test_ten_thousand_nested_ifs(tmp_path):
    """Built as bytes, from the inside out: protobuf itself refuses to make it."""
    def field(number, content):
        size, out = len(content), bytearray([number << 3 | 2])
        while size >= 0x80:
            out.append(size & 0x7F | 0x80)
            size >>= 7
        return bytes(out) + bytes([size]) + content

    output = helper.make_tensor_value_info("r", TensorProto.FLOAT, [4]).SerializeToString()
    graph = field(1, helper.make_node("Relu", ["x"], ["r"]).SerializeToString()) + field(12, output)
    for _ in range(10000):
        branch = field(1, b"then_branch") + field(6, graph) + b"\xa0\x01\x05"
        graph = field(1, field(1, b"x") + field(2, b"r") + field(4, b"If") + field(5, branch)) + field(12, output)
    graph += field(11, helper.make_tensor_value_info("x", TensorProto.FLOAT, [4]).SerializeToString())
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11"))
    refused(path, tmp_path, "nest")


def test_other_files(tmp_path):
    path = tmp_path / "bad.onnx"
    for content in (b"", b"\0", b"PK\x03\x04" + b"\0" * 100, b"{}", b"\xff" * 1000):
        path.write_bytes(content)
        refused(path, tmp_path)
