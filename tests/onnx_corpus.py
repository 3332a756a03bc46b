"""The ONNX project's backend test models: fetching them, running them in ONNX Runtime, comparing.

The wheel of onnx 1.17.0 carries them under onnx/backend/test/data: 1,428 small models, each with inputs and
the outputs that are expected, made by ONNX's own reference. fetch() unpacks them once into the dependencies'
folder. A model is run as ONNX's own runner does it, element types that numpy lacks included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parent.parent
DEPS = Path(os.environ.get("ONNXPORT_DEPS", ROOT / ".deps"))
VERSION = "1.17.0"
DATA = "onnx/backend/test/data/"

# Element types that the runtime's Python interface does not pass: they go in as initializers and come out
# through a Cast.
EXOTIC = {
    t
    for name, t in TensorProto.DataType.items()
    if name in ("BFLOAT16", "UINT4", "INT4", "FLOAT4E2M1", "UINT2", "INT2") or name.startswith("FLOAT8")
}


def fetch():
    """The folder with the models; downloads and unpacks the wheel the first time."""
    folder = DEPS / f"onnx-{VERSION}-backend-tests"
    if folder.exists():
        return folder
    DEPS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DEPS) as work:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        # Any platform's wheel has the same data.
        command += ["--python-version", "3.11", "--platform", "manylinux2014_x86_64", "-d", work]
        ran = subprocess.run([*command, f"onnx=={VERSION}"], capture_output=True, text=True)
        if ran.returncode != 0:
            raise RuntimeError(
                f"the backend tests come with the wheel of onnx {VERSION}, and pip could not download it"
                f" (is there a network?); or unpack that wheel's {DATA} into {folder}:\n{ran.stderr[-800:]}"
            )
        wheel = zipfile.ZipFile(next(Path(work).glob("onnx-*.whl")))
        for name in wheel.namelist():
            if name.startswith(DATA):
                wheel.extract(name, work)
        try:
            os.rename(Path(work) / DATA, folder)
        except OSError:
            if not folder.exists():  # else another process was quicker
                raise
    return folder


def models(folder):
    """Every model file, sorted by its path; the path without the folder is its name."""
    found = sorted(folder.rglob("*.onnx"))
    return [(str(p.relative_to(folder)).removesuffix("/model.onnx").removesuffix(".onnx"), p) for p in found]


# --- inputs and expected outputs ---------------------------------------------------------------------


def _read(path, type_proto):
    """What a .pb file holds: a TensorProto, a list, or None for an empty optional."""
    content = path.read_bytes()
    kind = type_proto.WhichOneof("value")
    if kind == "sequence_type":
        return list(numpy_helper.to_list(onnx.SequenceProto.FromString(content)))
    if kind == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(content))
    return TensorProto.FromString(content)


def _numbered(folder, prefix, ports):
    files = [folder / f"{prefix}_{i}.pb" for i in range(len(list(folder.glob(f"{prefix}_*.pb"))))]
    return [_read(path, port.type) for path, port in zip(files, ports, strict=False)]


def data_sets(path, model):
    """(inputs, expected outputs) for each of the model's data sets."""
    if path.name != "model.onnx":  # a light model: its input is made as ONNX's runner makes it
        names = {i.name for i in model.graph.initializer}
        inputs = []
        for port in model.graph.input:
            if port.name in names:
                continue
            dims = [d.dim_value or 1 for d in port.type.tensor_type.shape.dim]
            n = int(np.prod(dims))
            inputs.append(numpy_helper.from_array((np.arange(n).reshape(dims) / n).astype(np.float32)))
        expected = TensorProto.FromString(path.with_name(path.stem + "_output_0.pb").read_bytes())
        return [(inputs, [expected])]
    return [
        (_numbered(d, "input", model.graph.input), _numbered(d, "output", model.graph.output))
        for d in sorted(path.parent.glob("test_data_set_*"))
    ]


# --- running -----------------------------------------------------------------------------------------


def value_of(x):
    """A TensorProto as numpy, exotic types as float32."""
    if not isinstance(x, TensorProto):
        return x
    array = numpy_helper.to_array(x)
    return array.astype(np.float32) if x.data_type in EXOTIC else array


def _options():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def run(model, folder, inputs, wanted=None):
    """The outputs of a ModelProto on these inputs, exotic types as float32. `wanted`: names of other values
    to return instead of the outputs, each with its type declared in value_info."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    names = {i.name for i in graph.initializer}
    fed = {}
    free = [port for port in model.graph.input if port.name not in names]
    ports = list(model.graph.input) if len(inputs) > len(free) else free
    for port, x in zip(ports, inputs, strict=False):
        if isinstance(x, TensorProto) and x.data_type in EXOTIC:
            initializer = graph.initializer.add()
            initializer.CopyFrom(x)
            initializer.name = port.name
            graph.input.remove(next(p for p in graph.input if p.name == port.name))
        else:
            fed[port.name] = value_of(x)
    if wanted is not None:
        infos = {v.name: v for v in graph.value_info}
        del graph.output[:]
        graph.output.extend(infos[name] for name in wanted)
    for output in graph.output:
        if output.type.tensor_type.elem_type in EXOTIC:
            name = output.name
            output.name = name + "__as_float"
            graph.node.append(helper.make_node("Cast", [name], [output.name], to=TensorProto.FLOAT))
            output.type.tensor_type.elem_type = TensorProto.FLOAT
    if any(t.data_location == TensorProto.EXTERNAL for t in graph.initializer):
        onnx.load_external_data_for_model(copy, str(folder))
    session = onnxruntime.InferenceSession(copy.SerializeToString(), _options(), ["CPUExecutionProvider"])
    return session.run([o.name for o in graph.output], fed)


def difference(got, expected, rtol=1e-3, atol=1e-7):
    """None when they agree, else what differs."""
    if isinstance(expected, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            return f"{len(expected)} values were expected"
        found = (difference(g, e, rtol, atol) for g, e in zip(got, expected, strict=True))
        return next((d for d in found if d), None)
    if expected is None or got is None:
        return None if got is expected else "one of them is an empty optional"
    if isinstance(expected, dict):
        return None if got == expected else "the maps differ"
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return f"shape {list(got.shape)} and not {list(expected.shape)}"
    if got.dtype.kind in "OUS" or expected.dtype.kind in "OUS":
        return None if [str(x) for x in got.ravel()] == [str(x) for x in expected.ravel()] else "strings differ"
    if got.dtype != expected.dtype:
        return f"type {got.dtype} and not {expected.dtype}"
    if got.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            same = np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)
        return None if same.all() else f"largest difference {np.nanmax(np.abs(got - expected)):.3g}"
    return None if (got == expected).all() else "integers differ"


# --- counting ----------------------------------------------------------------------------------------


def count_nodes(graph):
    """Nodes, those of subgraphs included."""
    total = 0
    pending = [graph]
    while pending:
        graph = pending.pop()
        total += len(graph.node)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    pending.append(attribute.g)
                pending.extend(attribute.graphs)
    return total
