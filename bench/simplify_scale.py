"""Time and memory of onnxport simplify on generated graphs of 1,000, 10,000 and 100,000 nodes.

    .deps/venv/bin/python bench/simplify_scale.py [--sizes 1000,10000,100000] [--table bench/SIMPLIFY.md]

Each kind is a way in which a simplifier can be slower than linear: a long chain, many nodes that use one value, sizes
that are computed anew in every layer, many initializers of equal content, constants that fold one after the
other, and a chain whose sizes become known only step by step.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))


def graph(kind, count):
    import numpy
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers = [], []

    def constant(name, array):
        initializers.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def node(op, inputs, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    x = "x"
    if kind == "chain":
        # Relu twice is once, a Neg twice is nothing, adding zero is nothing: half of it goes.
        zero = constant("zero", numpy.zeros((), numpy.float32))
        while len(nodes) < count:
            for op in ("Sin", "Relu", "Relu", "Neg", "Neg", "Tanh"):
                x = node(op, [x])
            x = node("Add", [x, zero])
    elif kind == "wide":
        # One value and one constant with as many uses as there are nodes; all but one are duplicates of four.
        one = constant("one", numpy.ones((), numpy.float32))
        parts = [node(("Sin", "Cos", "Tanh", "Abs")[i % 4], [node("Mul", [x, one])]) for i in range(count // 2)]
        x = node("Sum", parts)
    elif kind == "shapes":
        # What the TorchScript exporter makes of x.view(x.size(0), -1, 4) in every layer.
        i, axis = constant("i", numpy.int64(0)), constant("axis", numpy.array([0], numpy.int64))
        four = constant("four", numpy.array([-1, 4], numpy.int64))
        while len(nodes) < count:
            batch = node("Unsqueeze", [node("Gather", [node("Shape", [x]), i]), axis])
            x = node("Sin", [node("Reshape", [x, node("Concat", [batch, four], axis=0)])])
    elif kind == "initializers":
        # A layer of its own weight each, many of them equal.
        generator = numpy.random.default_rng(1)
        while len(nodes) < count:
            w = constant(f"w{len(nodes)}", generator.integers(0, 9, (4, 4)).astype(numpy.float32) * 0.1)
            x = node("Tanh", [node("MatMul", [x, w])])
    elif kind == "constants":
        # A chain that is all constant.
        c = constant("c", numpy.ones(4, numpy.float32))
        for _ in range(count - 1):
            c = node("Neg" if len(nodes) % 3 else "Sin", [c])
        x = node("Add", [x, c])
    elif kind == "unfolding":
        # Pads of nothing whose sizes are computed from what comes before: each step makes the next one known.
        two = constant("two", numpy.int64(2))
        i = constant("i", numpy.int64(2))
        axis = constant("axis", numpy.array([0], numpy.int64))
        zeros = constant("zeros", numpy.zeros(5, numpy.int64))
        while len(nodes) < count:
            rest = node("Mod", [node("Gather", [node("Shape", [x]), i]), two])
            pads = node("Concat", [zeros, node("Unsqueeze", [rest, axis])], axis=0)
            x = node("Sin", [node("Pad", [x, pads])])
    batch = "batch"
    y = node("Identity", [x])
    nodes[-1].output[0] = y = "y"
    made = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4, 4])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
        initializers,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


KINDS = ["chain", "wide", "shapes", "initializers", "constants", "unfolding"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--onnxport", type=Path, default=ROOT / "build" / "release" / "onnxport")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--worst", type=float, default=20, help="largest factor of time for ten times the nodes")
    arguments = parser.parse_args()
    import onnx
    import simplify

    sizes = [int(s) for s in arguments.sizes.split(",")]
    rows = [
        "`simplify --no-check` on generated graphs: seconds of processor time, best of three; the last column is how much longer the largest takes"
        " than a tenth of it. Linear is 10.",
        "",
        "| kind | " + " | ".join(f"{s:,} nodes" for s in sizes) + " | nodes left | MB at the largest | times for ten times |",
        "|---|" + "--:|" * (len(sizes) + 3),
    ]
    good = True
    for kind in arguments.kinds.split(","):
        seconds, mb, left = [], 0, 0
        for size in sizes:
            with tempfile.TemporaryDirectory() as work:
                source, out = Path(work) / "in.onnx", Path(work) / "out.onnx"
                onnx.save(graph(kind, size), source)
                command = [arguments.onnxport, "simplify", source, "-o", out, "--no-check", "-q"]
                runs = [simplify.measure(command, Path(work) / "log") for _ in range(3)]
                problem = next((r[2] for r in runs if r[2]), None)
                if problem:
                    print(f"{kind} {size}: {problem}")
                    return 1
                seconds.append(min(r[3] for r in runs))
                mb = max(r[1] for r in runs)
                left = sum(simplify.operators(out).values())
        ratio = seconds[-1] / seconds[-2] if len(seconds) > 1 else 0
        good = good and ratio <= arguments.worst
        rows.append(
            f"| {kind} | " + " | ".join(f"{s:.3f} s" for s in seconds) + f" | {left:,} | {mb:.0f} | {ratio:.1f} |"
        )
        print(rows[-1], flush=True)
    if arguments.table:
        simplify.write_section(arguments.table, "Large graphs", rows)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
