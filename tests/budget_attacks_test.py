"""Small files that ask for much: time and memory stay in proportion to the file, and the error names the limit.

Each case was slow, large or without an end once. Seconds are of processor time, so that a busy machine does not matter."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import zipfile

import numpy as np
import onnx
import pytest
from conftest import COMMAND
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node


def value(name, shape=("n", 4), dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def ints(name, *numbers):
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


ONE = numpy_helper.from_array(np.ones(1, np.float32), "c")


def save_onnx(path, nodes, initializers=(), inputs=None, outputs=None, functions=()):
    graph = helper.make_graph(
        nodes, "g", inputs or [value("x")], outputs or [value("y", None)], list(initializers)
    )
    imports = [helper.make_opsetid("", 17)] + [helper.make_opsetid("f", 1)] * bool(functions)
    model = helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


class Cost:
    """What a run took: it and the processes that it waited for."""

    def __init__(self, ran, before, after):
        self.code = ran.returncode
        self.text = (ran.stdout + ran.stderr).decode(errors="replace")
        self.seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(*arguments, memory_mb=2048):
    """Runs the command in at most so much memory for each of its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(
        [COMMAND, *map(str, arguments), "--memory", f"{memory_mb}M"], capture_output=True, timeout=600
    )
    cost = Cost(ran, before, resource.getrusage(resource.RUSAGE_CHILDREN))
    assert ran.returncode in (0, 1), cost.text
    return cost


def simplify(path, *options, **limits):
    return run("simplify", path, "-o", path.with_suffix(".out.onnx"), *options, **limits)


# A constant that is huge, used as a scalar.
LARGE = {
    "expand": ([node("Expand", ["c", "big"], ["e"])], [ints("big", 10**6, 10**6)]),
    "tile": ([node("Tile", ["c", "r"], ["e"])], [ints("r", 10**12)]),
    "tile_chain": (
        [node("Tile", ["c" if i == 0 else f"t{i}", "two"], [f"t{i + 1}"]) for i in range(39)]
        + [node("Tile", ["t39", "two"], ["e"])],
        [ints("two", 2)],
    ),
    "concat_chain": (
        [node("Concat", [f"t{i}" if i else "c"] * 2, [f"t{i + 1}"], axis=0) for i in range(39)]
        + [node("Concat", ["t39", "t39"], ["e"], axis=0)],
        [],
    ),
    "non_zero": (
        [
            node("ConstantOfShape", ["b"], ["k"], value=numpy_helper.from_array(np.ones(1, np.float32))),
            node("NonZero", ["k"], ["z"]),
            node("Cast", ["z"], ["e"], to=TensorProto.FLOAT),
        ],
        [ints("b", 1 << 28)],
    ),
    "non_zero_chain": (
        [node("NonZero", ["c"], ["t0"])]
        + [node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=1) for i in range(40)]
        + [node("Cast", ["t40"], ["e"], to=TensorProto.FLOAT)],
        [],
    ),
    "expand_chain": (
        [node("Expand", ["c", "s0"], ["t0"])]
        + [node("Expand", [f"t{i}", f"s{i + 1}"], [f"t{i + 1}"]) for i in range(8)]
        + [node("Identity", ["t8"], ["e"])],
        [ints(f"s{i}", *([32] * (i + 1))) for i in range(9)],
    ),
    "range": (
        [node("Range", ["a", "l", "d"], ["k"]), node("Cast", ["k"], ["e"], to=TensorProto.FLOAT)],
        [numpy_helper.from_array(np.array(v), n) for n, v in (("a", 0), ("l", 10**12), ("d", 1))],
    ),
    "pad": ([node("Pad", ["c", "p"], ["e"])], [ints("p", 10**12, 0)]),
    "outer_product": (
        [node("Expand", ["c", "big"], ["k"]), node("MatMul", ["k", "k"], ["e"])],
        [ints("big", 20000, 20000)],
    ),
}


@pytest.mark.parametrize("case", LARGE)
def test_a_large_constant_is_not_made(case, tmp_path):
    nodes, initializers = LARGE[case]
    end = [node("ReduceSum", ["e"], ["s"], keepdims=0), node("Add", ["x", "s"], ["y"])]
    cost = simplify(save_onnx(tmp_path / "m.onnx", nodes + end, [ONE, *initializers]))
    assert cost.code == 0, cost.text
    assert "not compared with the original" in cost.text
    assert cost.seconds < 20


def loop(limit, condition=True):
    body = helper.make_graph(
        [node("Sin", ["v"], ["w"]), node("Identity", ["cond"], ["go"])],
        "b",
        [value("i", (), TensorProto.INT64), value("cond", (), TensorProto.BOOL), value("v", None)],
        [value("go", (), TensorProto.BOOL), value("w", None)],
    )
    initializers = [numpy_helper.from_array(np.array(condition), "t")]
    if limit is not None:
        initializers.append(numpy_helper.from_array(np.array(limit), "m"))
    return body, initializers


@pytest.mark.parametrize("limit", [10**12, None], ids=["trips", "endless"])
@pytest.mark.parametrize("start", ["x", "c"])
def test_a_loop_without_an_end_is_not_waited_for(limit, start, tmp_path):
    body, initializers = loop(limit)
    nodes = [node("Loop", ["m" if limit else "", "t", start], ["o"], body=body), node("Add", ["x", "o"], ["y"])]
    cost = simplify(save_onnx(tmp_path / "m.onnx", nodes, [ONE, *initializers]))
    assert cost.code == 0, cost.text
    assert "not compared with the original: ONNX Runtime has not run the original after" in cost.text
    assert cost.seconds < 60


def test_the_time_limit_ends_such_a_loop_and_names_the_stage(tmp_path):
    body, initializers = loop(10**12)
    path = save_onnx(tmp_path / "m.onnx", [node("Loop", ["m", "t", "x"], ["y"], body=body)], initializers)
    cost = simplify(path, "--time-limit", 2)
    assert cost.code == 1
    assert "the time limit of 2 s (--time-limit) was reached in `compare`" in cost.text
    assert sorted(os.listdir(tmp_path)) == ["m.onnx"]


def functions_calling(count, calls):
    """F0 .. F<count>, of which each calls the next so many times."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]

    def body(i):
        if i == count:
            return [node("Relu", ["a"], ["b"])]
        names = ["a", *[f"t{k}" for k in range(calls - 1)], "b"]
        return [node(f"F{i + 1}", [names[k]], [names[k + 1]], domain="f") for k in range(calls)]

    return [
        helper.make_function("f", f"F{i}", ["a"], ["b"], body(i), imports) for i in range(count + 1)
    ]


@pytest.mark.parametrize("command", ["simplify", "check", "inspect"])
@pytest.mark.parametrize(
    "functions, words",
    [
        (functions_calling(40, 2), "function `f.F0`: is 3298534883326 nodes when its calls are expanded"),
        (functions_calling(70, 3), "function `f.F0`: is more than 2^64 nodes"),
        (functions_calling(3000, 1), "function `f.F0`: calls 3001 functions in one another"),
    ],
    ids=["twice", "overflow", "deep"],
)
def test_functions_are_counted_and_not_expanded(command, functions, words, tmp_path):
    path = save_onnx(
        tmp_path / "m.onnx", [node("F0", ["x"], ["y"], domain="f")], functions=functions, outputs=[value("y")]
    )
    if command == "check":  # it has no budget of its own
        ran = subprocess.run([COMMAND, "check", path], capture_output=True, timeout=600)
        assert ran.returncode == 1
        text = (ran.stdout + ran.stderr).decode()
    else:
        cost = simplify(path) if command == "simplify" else run(command, path)
        assert cost.code == 1 and cost.seconds < 10
        text = cost.text
    assert words in text
    assert str(path) in text


N = 20_000
SINS = [node("Sin", ["x"], [f"t{i}"]) for i in range(N)]
CONSTANTS = [numpy_helper.from_array(np.full(1, i + 1, np.float32), f"c{i}") for i in range(N)]
WIDE = {
    "chain": dict(
        nodes=[node("Sin", [f"t{i}" if i else "x"], [f"t{i + 1}" if i < N - 1 else "y"]) for i in range(N)]
    ),
    "fan_out": dict(nodes=[*SINS, node("Sum", [f"t{i}" for i in range(N)], ["y"])]),
    "reversed": dict(
        nodes=[node("Sin", [f"t{i}" if i else "x"], [f"t{i + 1}" if i < N - 1 else "y"]) for i in range(N)][::-1]
    ),
    "random_reversed": dict(
        nodes=[
            node("Sin" if i else "RandomNormalLike", [f"t{i}" if i else "x"], [f"t{i + 1}" if i < N - 1 else "y"])
            for i in range(N)
        ][::-1]
    ),
    "outputs_that_rules_replace": dict(
        nodes=[
            n
            for i in range(N)
            for n in (node("Add", ["x", f"c{i}"], [f"a{i}"]), node("Add", [f"a{i}", f"c{i}"], [f"y{i}"]))
        ],
        initializers=CONSTANTS,
        outputs=[value(f"y{i}") for i in range(N)],
    ),
    "initializers_alike": dict(
        nodes=[
            *[node("Add", ["x", f"w{i}"], [f"t{i}"]) for i in range(N)],
            node("Sum", [f"t{i}" for i in range(N)], ["y"]),
        ],
        initializers=[
            numpy_helper.from_array(np.where(np.arange(256) == 20, i, 0).astype(np.float32), f"w{i}") for i in range(N)
        ],
        inputs=[value("x", ("n", 256))],
        outputs=[value("y", ("n", 256))],
    ),
    "constants_named_after_constants": dict(
        nodes=[
            node("Shape", ["x"], ["s0"]),
            *[node("Add", [f"s{i}", "k"], [f"s{i + 1}"]) for i in range(N)],
            node("Expand", ["x", f"s{N}"], ["y"]),
        ],
        initializers=[ints("k", 1, 0)],
        outputs=[value("y", ("p", "q"))],
    ),
    "functions": dict(
        nodes=[
            node(f"F{i}", [f"t{i}" if i else "x"], [f"t{i + 1}" if i < N - 1 else "y"], domain="f") for i in range(N)
        ],
        functions=[
            helper.make_function(
                "f", f"F{i}", ["a"], ["b"], [node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)]
            )
            for i in range(N)
        ],
    ),
    "split_of_a_constant": dict(
        nodes=[
            node("Split", ["w"], [f"t{i}" for i in range(N)], axis=0),
            node("Sum", ["x", *[f"t{i}" for i in range(N)]], ["y"]),
        ],
        initializers=[numpy_helper.from_array(np.ones((N, 10), np.float32), "w")],
        inputs=[value("x", ("n", 10))],
        outputs=[value("y", ("n", 10))],
    ),
}


@pytest.mark.parametrize("case", WIDE)
def test_a_long_graph_takes_time_in_its_length(case, tmp_path):
    cost = simplify(save_onnx(tmp_path / "m.onnx", **{"outputs": [value("y")], **WIDE[case]}), "--no-check")
    assert cost.code == 0, cost.text
    assert cost.seconds < 12


def expanded(path, source, sizes):
    """A .pt2 whose weight is one float with strides of 0."""

    def change(name, content):
        if name.endswith("weights_config.json"):
            config = json.loads(content)
            for entry in config["config"].values():
                if len(entry["tensor_meta"]["sizes"]) == 2:
                    entry["tensor_meta"]["sizes"] = [{"as_int": s} for s in sizes]
                    entry["tensor_meta"]["strides"] = [{"as_int": 0}] * 2
            return json.dumps(config).encode()
        if name.endswith("models/model.json"):
            old = b'"sizes": [{"as_int": 4}, {"as_int": 4}]'
            assert old in content
            new = ", ".join(f'{{"as_int": {s}}}' for s in sizes)
            return content.replace(old, f'"sizes": [{new}]'.encode())
        return content

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
    return path


def save_pt2(save):
    import torch

    return save(torch.nn.Linear(4, 4), (torch.randn(2, 4),))


def test_strides_of_zero_are_not_written_out_beyond_the_memory(save, tmp_path):
    source = save_pt2(save)
    for sizes, size in (((10**6, 10**6), "3.64 TiB"), ((40000, 40000), "5.96 GiB")):
        path = expanded(tmp_path / "m.pt2", source, sizes)
        for command in (["inspect", path], ["export", path, "-o", tmp_path / "m.onnx"]):
            cost = run(*command)
            assert cost.code == 1 and cost.seconds < 10
            assert f"its weights would be {size} or more when they are written out" in cost.text
            assert "the limit is 2 GiB more than the file (--memory)" in cost.text
    assert os.listdir(tmp_path) == ["m.pt2"]


def test_strides_of_zero_within_the_memory_are_read_in_their_place(save, tmp_path):
    path = expanded(tmp_path / "m.pt2", save_pt2(save), (4, 5000))
    cost = run("inspect", path)
    assert cost.code == 0, cost.text
    assert cost.seconds < 10
