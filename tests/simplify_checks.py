"""What must hold of a simplified model: it is valid, gives the same outputs, is not larger, and stays as it is
when it is simplified again. Used by the random graphs' test and by scripts/fuzz_simplify."""

from __future__ import annotations

import subprocess

import numpy as np
import onnx
import onnx_corpus as corpus
import onnxruntime
import random_graphs


def simplify(command, source, target, *options, timeout=60):
    """None, or what went wrong."""
    try:
        ran = subprocess.run(
            [command, "simplify", source, "-o", target, "-q", *options], capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return "it hangs"
    if ran.returncode < 0 or ran.returncode > 2:
        return f"it crashes (exit {ran.returncode}): {ran.stderr.strip()[-300:]}"
    return " ".join(ran.stderr.split())[:300] if ran.returncode else None


def run(model, feeds):
    """The outputs for each of the feeds; an exception where the runtime cannot."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), corpus._options(), ["CPUExecutionProvider"])
    return [session.run(None, feed) for feed in feeds]


def largest_difference(got, expected):
    """(problem or None, largest difference relative to the output's scale)."""
    largest = 0.0
    for one, other in zip(got, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            if a.shape != b.shape or a.dtype != b.dtype:
                return f"{a.dtype}{list(a.shape)} and not {b.dtype}{list(b.shape)}", np.inf
            if a.dtype.kind != "f":
                if not np.array_equal(a, b):
                    largest = max(largest, 1.0)
                continue
            with np.errstate(all="ignore"):
                if not np.array_equal(np.isfinite(a), np.isfinite(b)):
                    largest = max(largest, 1.0)
                    continue
                finite = np.isfinite(b)
                if finite.any():
                    scale = max(1.0, float(np.abs(b[finite]).max()))
                    largest = max(largest, float(np.abs(a[finite] - b[finite]).max()) / scale)
    return None, largest


TOLERANCE = 1e-4


def compare(before, after, feeds):
    """(what differs or None, remark). Where operators that jump (Floor, ArgMax, ...) blow rounding up, the
    original itself differs from what it gives in another order of rounding: for inputs 1e-6 away."""
    try:
        expected = run(before, feeds)
    except Exception as error:  # noqa: BLE001
        return None, "not run: " + " ".join(str(error).split())[:120]
    try:
        got = run(after, feeds)
    except Exception as error:  # noqa: BLE001
        return "the runtime refuses it: " + " ".join(str(error).split())[:300], ""
    problem, difference = largest_difference(got, expected)
    if problem is None and difference <= TOLERANCE:
        return None, ""
    if problem is None:
        rng = np.random.default_rng(0)
        for _ in range(6):
            near = [{k: (x * (1 + 2e-6 * rng.standard_normal(x.shape))).astype(x.dtype) for k, x in f.items()}
                    for f in feeds]
            shaken, moved = largest_difference(run(before, near), expected)
            if shaken is None and moved * 3 >= difference:
                return None, "ill-conditioned"
    return problem or f"difference {difference:.2g} of the output's scale", ""


def problems_of(command, model, feeds, work, stem, options=()):
    """(list of what is wrong, remark) of one model."""
    source, once, twice = (work / f"{stem}.{part}.onnx" for part in ("in", "once", "twice"))
    source.write_bytes(model.SerializeToString())
    problem = simplify(command, source, once, *options)
    if problem is not None:
        return [problem], ""
    after = onnx.load(str(once))
    found = []
    if corpus.count_nodes(after.graph) > corpus.count_nodes(model.graph):
        found.append(f"{corpus.count_nodes(after.graph)} nodes, {corpus.count_nodes(model.graph)} before")
    if once.stat().st_size > source.stat().st_size:
        found.append(f"{once.stat().st_size} bytes, {source.stat().st_size} before")
    try:
        onnx.checker.check_model(after, full_check=True)
    except Exception as error:  # noqa: BLE001
        try:
            onnx.checker.check_model(model, full_check=True)
            found.append("onnx.checker: " + " ".join(str(error).split())[:200])
        except Exception:  # noqa: BLE001
            pass  # nor does it accept the original
    for ours, theirs in ((after.graph.input, model.graph.input), (after.graph.output, model.graph.output)):
        if [v.SerializeToString() for v in ours] != [v.SerializeToString() for v in theirs]:
            found.append("inputs or outputs are declared otherwise")
    differs, remark = compare(model, after, feeds)
    if differs is not None:
        found.append(differs)
    problem = simplify(command, once, twice, *options)
    if problem is not None:
        found.append("the second time: " + problem)
    elif once.read_bytes() != twice.read_bytes():
        found.append("simplifying again changes it")
    return found, remark


def check_seed(command, seed, work, options=()):
    model, feeds = random_graphs.make(seed)
    return problems_of(command, model, feeds, work, f"seed{seed}", options)


def without_dead_nodes(model, output):
    """The model with one value as its only output and nothing that it does not need."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    needed = {output}
    kept = []
    for node in reversed(model.graph.node):
        if not any(o in needed for o in node.output):
            continue
        kept.append(node)
        pending = [node]
        while pending:
            inner = pending.pop()
            needed.update(inner.input)
            for attribute in inner.attribute:
                if attribute.HasField("g"):
                    pending.extend(attribute.g.node)
                    needed.update(o.name for o in attribute.g.output)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    tensors = [t for t in model.graph.initializer if t.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    return small


def shrink(command, seed, work, options=()):
    """The smallest model that still shows the problem: the first value of the graph that is wrong."""
    model, feeds = random_graphs.make(seed)
    typed = onnx.shape_inference.infer_shapes(model)
    types = {v.name: v for v in [*typed.graph.value_info, *model.graph.output]}
    for node in model.graph.node:
        for name in node.output:
            if name not in types or not types[name].type.HasField("tensor_type"):
                continue
            small = without_dead_nodes(model, name)
            del small.graph.output[:]
            output = small.graph.output.add()
            output.name = name
            output.type.tensor_type.elem_type = types[name].type.tensor_type.elem_type
            output.type.tensor_type.shape.SetInParent()
            for _ in types[name].type.tensor_type.shape.dim:
                output.type.tensor_type.shape.dim.add()
            try:
                found, _ = problems_of(command, small, feeds, work, f"shrunk{seed}", options)
            except Exception:  # noqa: BLE001
                continue
            if found:
                return small, found
    return model, []
