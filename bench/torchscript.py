"""TorchScript side by side: onnxport against torch.onnx.export(dynamo=False), from the same file.

    .deps/venv/bin/python bench/torchscript.py [--models resnet50,...] [--repeat 1]

Each way is a process of its own that starts from the saved TorchScript file and ends with an ONNX file with
a dynamic batch; wall time and peak memory (the kernel's ru_maxrss) are taken from outside.

  onnxport     onnxport export --no-verify: read, lower, simplify, write, check
  torch.onnx   torch.jit.load, torch.onnx.export(dynamo=False), onnx.checker (full check)

Then each file is run in ONNX Runtime against the module's own forward(), three seeds at batch 1, 2 and 5:
correct, wrong (by how much, or where it fails), or no file at all. Writes bench/TORCHSCRIPT.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import measure as measuring

ROOT = Path(__file__).resolve().parent.parent
OPSET = 17
TOLERANCE = 1e-4


# --- the models -------------------------------------------------------------------------------------


def traced(make, *sizes):
    def build():
        import torch

        torch.manual_seed(0)
        module = make().eval()
        inputs = tuple(torch.randn(size) for size in sizes)
        with torch.no_grad():
            return torch.jit.trace(module, inputs, check_trace=False)

    return build, sizes


def scripted(make, *sizes):
    def build():
        import torch

        torch.manual_seed(0)
        return torch.jit.script(make().eval())

    return build, sizes


def torchvision_model(name, **options):
    def make():
        sys.path.insert(0, str(ROOT / "tests"))
        import zoo

        zoo._import_torchvision()
        import torchvision

        return torchvision.models.get_model(name, weights=None, **options)

    return make


def encoder(batch_first=True):
    def make():
        from torch import nn

        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=batch_first)
        return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    return make


def recurrent(kind):
    def make():
        import torch
        from torch import nn

        class Recurrent(nn.Module):
            def __init__(self):
                super().__init__()
                self.cells = getattr(nn, kind)(16, 32, num_layers=2, batch_first=True, bidirectional=True)
                self.head = nn.Linear(64, 5)

            def forward(self, x: torch.Tensor):
                return self.head(self.cells(x)[0])

        return Recurrent()

    return make


def control_flow(kind):
    def make():
        import control_models

        return getattr(control_models, kind)()

    return make


PICTURE = (1, 3, 224, 224)
MODELS = {
    "resnet50 (traced)": traced(torchvision_model("resnet50"), PICTURE),
    "mobilenet_v3_large (traced)": traced(torchvision_model("mobilenet_v3_large"), PICTURE),
    "vit_b_16 (traced)": traced(torchvision_model("vit_b_16"), PICTURE),
    "swin_t (traced)": traced(torchvision_model("swin_t"), PICTURE),
    "transformer encoder (traced)": traced(encoder(), (1, 10, 64)),
    "googlenet (scripted)": scripted(
        torchvision_model("googlenet", aux_logits=False, init_weights=False), PICTURE
    ),
    "lraspp_mobilenet_v3_large (scripted)": scripted(
        torchvision_model("lraspp_mobilenet_v3_large", weights_backbone=None), PICTURE
    ),
    "LSTM (scripted)": scripted(recurrent("LSTM"), (1, 7, 16)),
    "GRU (scripted)": scripted(recurrent("GRU"), (1, 7, 16)),
    "while loop (scripted)": scripted(control_flow("WhileLoop"), (1, 8)),
    "data-dependent if (scripted)": scripted(control_flow("DataDependentIf"), (1, 8)),
    "list of pieces (scripted)": scripted(control_flow("ListOfPieces"), (1, 8)),
}


# --- the other way, run in a process of its own -----------------------------------------------------


def torch_way(path, out, sizes):
    warnings.filterwarnings("ignore")
    import onnx
    import torch

    module = torch.jit.load(path)
    inputs = tuple(torch.randn(size) for size in sizes)
    names = [f"input_{i}" for i in range(len(inputs))]
    with torch.no_grad():
        torch.onnx.export(
            module,
            inputs,
            out,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            dynamic_axes={name: {0: "batch_size"} for name in names},
        )
    onnx.checker.check_model(out, full_check=True)


def flatten(value):
    import torch

    if value is None:
        return []
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in flatten(v)]
    return [t for v in value for t in flatten(v)]


def judge(path, files, sizes):
    """Prints {way: "" when correct, else what is wrong}."""
    import numpy
    import onnxruntime
    import torch

    module = torch.jit.load(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    verdicts = {}
    for way, file in files.items():
        worst, problem = 0.0, ""
        try:
            session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
            for seed in range(3):
                for batch in (1, 2, 5):
                    torch.manual_seed(seed)
                    inputs = [torch.randn((batch, *size[1:])) for size in sizes]
                    with torch.no_grad():
                        wanted = flatten(module(*inputs))
                    feed = {i.name: x.numpy() for i, x in zip(session.get_inputs(), inputs)}
                    got = session.run(None, feed)
                    if len(got) != len(wanted):
                        raise ValueError(f"{len(got)} outputs instead of {len(wanted)}")
                    for a, b in zip(got, wanted):
                        if a.shape != tuple(b.shape):
                            raise ValueError(f"shape {a.shape} instead of {tuple(b.shape)} at batch {batch}")
                        scale = max(1.0, float(b.abs().max()))
                        worst = max(worst, float(numpy.abs(a - b.numpy()).max()) / scale)
            if not worst <= TOLERANCE:
                problem = f"differs by {worst:.2g}"
        except Exception as error:  # noqa: BLE001 -- whatever ONNX Runtime says is the finding
            problem = f"batch {batch}: " + str(error).splitlines()[0][:160]
        verdicts[way] = problem
    print(json.dumps(verdicts))


# --- measuring --------------------------------------------------------------------------------------


def measure(command, log):
    """Wall seconds, peak MB and exit status."""
    taken = measuring.measure(command, log)
    return taken.seconds, taken.mb, taken.status


def reason(log):
    lines = [line.strip() for line in Path(log).read_text().splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line or "error:" in line]
    text = (named or lines or ["no message"])[-1]
    return text.split("error:")[-1].strip()[:160]


def bench(name, arguments, work):
    _, sizes = MODELS[name]
    source = work / "model.pt"
    this = [sys.executable, Path(__file__).resolve()]
    # Not in this process: a child's peak memory begins with its parent's.
    subprocess.run([*this, "--make", name, source], check=True)
    shapes = [argument for size in sizes for argument in ("--input-shape", ",".join(map(str, size)))]
    ways = {
        "onnxport": [arguments.onnxport, "export", source, "-o", work / "onnxport.onnx", "--no-verify",
                     "--opset", OPSET, *shapes],
        "torch.onnx": [*this, "--torch-way", source, work / "torch.onnx.onnx", json.dumps(sizes)],
    }
    result = {"name": name, "ways": {}}
    files = {}
    for way, command in ways.items():
        samples = [measure(command, work / "log") for _ in range(arguments.repeat)]
        failed = samples[0][2] != 0
        result["ways"][way] = {
            "seconds": statistics.median(s for s, _, _ in samples),
            "mb": statistics.median(m for _, m, _ in samples),
            "problem": "fails: " + reason(work / "log") if failed else "",
        }
        if not failed:
            files[way] = str(work / f"{way}.onnx")
    judged = subprocess.run(
        [*this, "--judge", source, json.dumps(files), json.dumps(sizes)], capture_output=True, text=True
    )
    if judged.returncode != 0:
        raise RuntimeError(judged.stderr)
    for way, problem in json.loads(judged.stdout.splitlines()[-1]).items():
        result["ways"][way]["problem"] = f"wrong: {problem}" if problem else ""
    for way, measured in result["ways"].items():
        print(f"{name}: {way} {measured['seconds']:.2f} s {measured['mb']:.0f} MB"
              f" {measured['problem'] or 'correct'}", flush=True)
    return result


def table(results, repeat):
    from importlib.metadata import version

    rows = [
        "# TorchScript files, side by side",
        "",
        "Written by `bench/torchscript.py`, which says what is measured. From the same saved file to a checked"
        f" ONNX file with a dynamic batch, opset {OPSET}; {repeat} run(s) each, {os.cpu_count()} cores, torch"
        f" {version('torch')}. Correct: within {TOLERANCE:g} of the module's own forward() at batch 1, 2 and 5,"
        " three seeds.",
        "",
        "| model | onnxport s | torch.onnx s | onnxport MB | torch.onnx MB | onnxport | torch.onnx |",
        "|---|--:|--:|--:|--:|---|---|",
    ]
    for r in results:
        a, b = r["ways"]["onnxport"], r["ways"]["torch.onnx"]
        rows.append(
            f"| {r['name']} | {a['seconds']:.2f} | {b['seconds']:.2f} | {a['mb']:.0f} | {b['mb']:.0f} |"
            f" {cell(a)} | {cell(b)} |"
        )
    return "\n".join(rows) + "\n"


def cell(measured):
    return (measured["problem"] or "correct").replace("|", "\\|")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="", help="the beginnings of names, separated by commas")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--onnxport", type=Path, default=ROOT / "build" / "release" / "onnxport")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "TORCHSCRIPT.md")
    parser.add_argument("--torch-way", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--judge", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.torch_way:
        source, out, sizes = arguments.torch_way
        return torch_way(source, out, json.loads(sizes))
    if arguments.judge:
        source, files, sizes = arguments.judge
        return judge(source, json.loads(files), json.loads(sizes))
    if arguments.make:
        warnings.filterwarnings("ignore")
        name, source = arguments.make
        return MODELS[name][0]().save(source)
    wanted = [w for w in arguments.models.split(",") if w]
    results = []
    for name in MODELS:
        if wanted and not any(name.startswith(w) for w in wanted):
            continue
        with tempfile.TemporaryDirectory() as work:
            results.append(bench(name, arguments, Path(work)))
    text = table(results, arguments.repeat)
    print(text)
    if not wanted:
        arguments.out.write_text(text)
    ours = [r for r in results if r["ways"]["onnxport"]["problem"]]
    return 1 if ours else 0


if __name__ == "__main__":
    sys.exit(main())
