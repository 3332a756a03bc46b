"""Whether what shape inference says of a model's values is true: compared with what ONNX Runtime computes."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import onnx
import onnx_corpus as corpus
from conftest import DEV

SEPARATOR = "\x1f"


def inferred(path):
    """name -> (element type, sizes or None, content or None), as texts; and what the command complains of."""
    ran = subprocess.run([DEV, "types", path], capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        raise RuntimeError(f"onnxport_dev types: exit {ran.returncode}: {ran.stderr[-300:]}")
    found = {}
    for line in ran.stdout.splitlines():
        parts = line.split("\t")
        if len(parts) != 4:
            continue
        lists = [None if p == "-" else [e for e in p[1:].split(SEPARATOR) if e] for p in parts[2:]]
        found[parts[0]] = (int(parts[1]), *lists)
    return found, ran.stderr.strip()


def size_of(text, symbols):
    """The number that a size's text means, or None where it has a symbol of no known value."""
    if text == "?":
        return None
    if text in symbols:
        return symbols[text]
    for i, name in enumerate(symbols):
        text = re.sub(rf"(['\"]){re.escape(name)}\1", f"s{i}_", text)
    values = {f"s{i}_": v for i, v in enumerate(symbols.values())}
    values.update({n: v for n, v in symbols.items() if n.isidentifier()})
    values.update(Max=max, Min=min, max=max, min=min)
    try:
        return eval(text, {"__builtins__": {}}, values)  # noqa: S307
    except (NameError, SyntaxError):
        return None


def symbols_of(model, feed):
    values = {}
    for port in model.graph.input:
        array = feed.get(port.name)
        for dim, size in zip(port.type.tensor_type.shape.dim, getattr(array, "shape", ()), strict=False):
            if dim.dim_param:
                values[dim.dim_param] = size
    return values


def untrue(model, path, feeds):
    """None, or the first value of which something untrue is said. (Complaints of valid files are untrue too.)"""
    types, complaint = inferred(path)
    if complaint:
        return "inference complains: " + complaint[:200]
    with_outputs = onnx.ModelProto()
    with_outputs.CopyFrom(model)
    del with_outputs.graph.output[:]
    exotic = corpus.EXOTIC | {onnx.TensorProto.UNDEFINED}
    names = [n for n, (dtype, *_) in types.items() if dtype not in exotic]
    with_outputs.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    if not names:
        return None
    try:
        session = corpus.onnxruntime.InferenceSession(
            with_outputs.SerializeToString(), corpus._options(), ["CPUExecutionProvider"])
        runs = [(symbols_of(model, feed), session.run(names, feed)) for feed in feeds]
    except Exception:  # noqa: BLE001
        return None  # an operator or type that the runtime has not
    for symbols, values in runs:
        for name, value in zip(names, values, strict=True):
            dtype, sizes, content = types[name]
            if not isinstance(value, np.ndarray):
                continue
            if value.dtype != onnx.helper.tensor_dtype_to_np_dtype(dtype) and value.dtype.kind not in "OUS":
                return f"{name} is said to be {onnx.TensorProto.DataType.Name(dtype)}, and is {value.dtype}"
            if sizes is None:
                continue
            known = [size_of(s, symbols) for s in sizes]
            if len(known) != value.ndim or any(k not in (None, d) for k, d in zip(known, value.shape, strict=True)):
                return f"{name} is said to be {sizes}, and is {list(value.shape)} where {symbols}"
            if content is not None:
                known = [size_of(s, symbols) for s in content]
                if len(known) != value.size or any(
                        k not in (None, int(x)) for k, x in zip(known, value.ravel(), strict=True)):
                    return f"{name} is said to contain {content}, and is {value.tolist()} where {symbols}"
    return None


def feeds_of(path, model):
    """A backend test's inputs as feeds; none where numpy has no such type."""
    feeds = []
    names = {t.name for t in model.graph.initializer}
    for inputs, _ in corpus.data_sets(path, model):
        free = [p for p in model.graph.input if p.name not in names]
        ports = list(model.graph.input) if len(inputs) > len(free) else free
        if any(isinstance(x, onnx.TensorProto) and x.data_type in corpus.EXOTIC for x in inputs):
            return []
        feeds.append({p.name: corpus.value_of(x) for p, x in zip(ports, inputs, strict=False)})
    return feeds
