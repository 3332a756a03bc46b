"""Exports every model of the zoo with dynamic batch, checks and verifies it, and writes docs/coverage.md.

One model at a time: its .pt2 is made when it is missing (kept in out/zoo or $ONNXPORT_ZOO), exported in a
process of its own, and the ONNX file is deleted. Each result is a line in out/sweep.jsonl; what is there
is not run again, so a sweep that was stopped goes on where it was. The tables are written from that file.

    scripts/sweep                               everything: all models at opset 17, five at 13 to 23
    scripts/sweep --only 'timm_*'               some models
    scripts/sweep --only tv_resnet50 --opsets 13-23
    scripts/sweep --failed                      again what did not pass
    scripts/sweep --again                       again, all of it
    scripts/sweep --table                       only write the tables
    scripts/sweep --kind script                 TorchScript models: into docs/coverage-torchscript.md
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import script_zoo  # noqa: E402
import zoo  # noqa: E402

DEFAULT_OPSET = 17
# The models that must pass at every opset.
OPSET_MODELS = ["dinov3_vits16", "tv_resnet50", "tv_vit_b_16", "tv_swin_t", "tv_convnext_tiny"]
OPSETS = range(13, 24)


def parse_opsets(text):
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def json_lines(path):
    """The entries of a file of JSON lines, none where there is no file. Leaves out the last line of a run that was killed."""
    entries = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def read_results(path):
    """(name, opset) -> the last line that tells of it."""
    return {(entry["name"], entry["opset"]): entry for entry in json_lines(path)}


def run(command, timeout):
    """Exit code, stdout, stderr and seconds of a process of its own."""
    began = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += f"\nkilled after {timeout} s"
    return process.returncode, out, err, time.time() - began


def divergence(first):
    """The report's first_divergence in one line: the node or call, where it stands, and why."""
    if not first:
        return ""
    where = [first["onnx_node"] or first["aten_op"], first["module_path"], first["source"]]
    return ": ".join([", ".join(filter(None, where)), first["reason"]]).lstrip(": ")


def sweep_one(entry, opset, arguments):
    """One export: its line for the results file."""
    script = arguments.kind == "script"
    model = arguments.zoo / f"{entry.name}{'.pt' if script else '.pt2'}"
    line = {"name": entry.name, "family": entry.family, "source": entry.source, "opset": opset}
    if not (script_zoo.about(model) if script else zoo.is_made(model)):
        maker = ROOT / "tests" / ("script_zoo.py" if script else "zoo.py")
        code, _, err, _ = run([sys.executable, "-W", "ignore", maker, "make", entry.name, model], 1800)
        if code != 0:
            return {**line, "outcome": "no model", "error": err.strip()[-500:]}
    arguments.work.mkdir(parents=True, exist_ok=True)
    out = arguments.work / f"{entry.name}.onnx"
    command = [arguments.onnxport, "export", model, "-o", out, "--opset", str(opset), "--json"]
    if script:
        command += script_zoo.about(model)["arguments"]
    code, text, err, seconds = run(list(map(str, command)), arguments.timeout)
    try:
        report = json.loads(text)
    except ValueError:
        report = {"outcome": "crashed", "error": f"exit {code}: {(err or text).strip()[-500:]}"}
    stages = report.get("seconds", {})
    outputs = report.get("comparison", [])
    line.update(
        outcome=report.get("outcome"),
        verified=report.get("verified"),
        error=report.get("error", "") or divergence(report.get("first_divergence")),
        nodes=report.get("nodes"),
        nodes_before=report.get("nodes_before_simplify"),
        mb=round(report.get("file_bytes", 0) / 1e6, 1),
        max_abs=max((float(o["max_abs_difference"]) for o in outputs), default=None),
        max_rel=max((float(o["max_rel_difference"]) for o in outputs), default=None),
        scale=max((float(o["scale"]) for o in outputs), default=None),
        float32=max((float(o.get("float32_difference") or 0) for o in outputs), default=None),
        convert_seconds=round(sum(v for k, v in stages.items() if k != "verify"), 3),
        seconds=round(seconds, 1),
        notes=report.get("notes", []),
        file_opset=report.get("opset"),
        versions=[report.get("versions", {}).get(k, "") for k in ("onnxport", "torch", "onnxruntime")],
        commit=arguments.commit,
    )
    if report.get("outcome") == "passed" and report.get("opset") != opset:
        line.update(outcome="differs", error=f"the file has opset {report.get('opset')}")
    for left in arguments.work.glob(f"{entry.name}.onnx*"):
        left.unlink()
    for left in arguments.work.glob(f"{entry.name}.failed.onnx*"):
        left.unlink()
    if script and entry.source == "traced" and not arguments.keep:
        model.unlink()  # as large as the model, and made from zoo.py in seconds
    return line


def number(value, form):
    return "" if value is None else format(value, form)


def verdict(line):
    if line["outcome"] == "passed" and line.get("verified"):
        return "Passed ✓"
    return "Failed ✗" if line["outcome"] == "differs" else f"{line['outcome']} ✗"


def coverage_table(results, source, known=zoo):
    known = [e for e in known.entries().values() if e.source == source]
    rows = [
        "| model | family | nodes | MB | max abs | max rel | output scale | convert s | total s | verdict |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for entry in known:
        line = results.get((entry.name, DEFAULT_OPSET))
        short = entry.name.split("_", 1)[1] if source != "transformers" else entry.name
        if line is None:
            rows.append(f"| {short} | {entry.family} | | | | | | | | not run |")
            continue
        rows.append(
            f"| {short} | {entry.family} | {number(line.get('nodes'), 'd')} |"
            f" {number(line.get('mb'), '.1f')} | {number(line.get('max_abs'), '.1e')} |"
            f" {number(line.get('max_rel'), '.1e')} | {number(line.get('scale'), '.3g')} |"
            f" {number(line.get('convert_seconds'), '.2f')} | {number(line.get('seconds'), '.1f')} |"
            f" {verdict(line)} |"
        )
    return rows


def opset_table(results):
    rows = ["| model | " + " | ".join(map(str, OPSETS)) + " |", "|---|" + "--:|" * len(OPSETS)]
    for name in OPSET_MODELS:
        cells = []
        for opset in OPSETS:
            line = results.get((name, opset))
            if line is None:
                cells.append("not run")
            elif line["outcome"] == "passed":
                cells.append(f"✓ {line['nodes']}")
            else:
                cells.append("✗")
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return rows


# What is known of a model that does not pass.
REASONS = {
    "script_maskrcnn_resnet50_any_size": "resizing white noise to a size that is no multiple differs by 6e-4 of 19 between PyTorch and ONNX Runtime (float32 coordinates), and these random weights pass it on; on smooth pictures of seven sizes Mask R-CNN agrees to 2.4e-5 of its masks",
    "script_maskrcnn_resnet50_v2_any_size": "as maskrcnn_resnet50_any_size",
    "script_ssdlite320_any_size": "as maskrcnn_resnet50_any_size: scores differ by 1.4e-4",
    "timm_levit_128s": "ill-conditioned with these random weights: PyTorch's own float32 is 0.1 off its float64"
    " where the outputs reach 239, and noise of 1e-7 on the input moves the result by 0.3 % of its scale.",
}


def without_folders(text):
    """A refusal with the base names of its files: where they lay is one machine's matter."""
    return re.sub(r"(?<![\w./-])(?:/|\.{1,2}/)?(?:[^\s/:'\"(]+/)+(?=[^\s/:]+\.(?:pt2?|pth|onnx|py)\b)", "", text)


def problems(results):
    rows = []
    for (name, opset), line in sorted(results.items()):
        if line["outcome"] != "passed":
            error = without_folders(" ".join((line.get("error") or "").split()))[:300]
            rows.append(f"- `{name}` at opset {opset}: {line['outcome']}: {error}")
            if reason := REASONS.get(name.removeprefix("traced_")):
                rows.append(f"  {reason}")
    return rows


def write_table(results, path):
    at_default = {e.name: results.get((e.name, DEFAULT_OPSET)) for e in zoo.entries().values()}
    passed = sum(1 for line in at_default.values() if line and line["outcome"] == "passed")
    versions = sorted({tuple(l["versions"]) for l in results.values() if all(l.get("versions", [""]))})
    text = [
        "# Coverage",
        "",
        "Written by `scripts/sweep`; not by hand. Every model is exported from its `.pt2` with dynamic"
        " batch, checked by onnx.checker, and verified in ONNX Runtime against PyTorch (3 seeds; batch 1,"
        " 2 and 5) at tolerance 1e-4, relative to the output's scale where outputs are large. Weights"
        " are random with a fixed seed (`tests/zoo.py`). Three very deep networks"
        f" ({', '.join(sorted(zoo.DEEP))}) have gentler statistics than the others: as random as those, they"
        " blow rounding up so far that PyTorch's float32 is itself off from its float64 by more than the"
        " tolerance.",
        "",
        f"**{passed} of {len(at_default)} models pass at opset {DEFAULT_OPSET}.**",
        "",
        "*nodes*: in the written file, simplified. *max abs*, *max rel*: the largest differences of any"
        " output of any run. *output scale*: the largest absolute value that PyTorch gives. *convert s*:"
        " read, lower, simplify, write and check, without verification. *total s*: the whole command.",
        "",
    ]
    if versions:
        newest = versions[-1]
        text += [f"onnxport {newest[0]}, PyTorch {newest[1]}, ONNX Runtime {newest[2]}.", ""]
    for source, title in (
        ("transformers", "transformers"),
        ("torchvision", "torchvision: all classification models"),
        ("timm", "timm: one model a family"),
    ):
        text += [f"## {title}", "", *coverage_table(results, source), ""]
    text += [
        "## Opsets",
        "",
        "Each file's opset is the one asked for; the number is its nodes.",
        "",
        *opset_table(results),
        "",
    ]
    found = problems(results)
    if found:
        text += ["## What does not pass", "", *found, ""]
    path.write_text("\n".join(text))
    return passed, len(at_default)


def write_script_table(results, path):
    """The table of TorchScript models; models that have not been run are counted, not listed."""
    known = script_zoo.entries()
    ran = [results[e.name, DEFAULT_OPSET] for e in known.values() if (e.name, DEFAULT_OPSET) in results]
    passed = sum(1 for line in ran if line["outcome"] == "passed")
    text = [
        "# Coverage of TorchScript",
        "",
        "Written by `scripts/sweep --kind script`; not by hand. Every model is saved by torch.jit.trace or"
        " torch.jit.script (`tests/script_zoo.py`), exported at opset 17 with dynamic batch where its code"
        " allows one, checked by onnx.checker, and verified in ONNX Runtime against the module's own"
        " forward() run by libtorch.",
        "",
        f"**{passed} of the {len(ran)} models that were run pass; {len(known) - len(ran)} were not run.**",
        "",
    ]
    for source, title in (("scripted", "Scripted"), ("traced", "Traced: the models of coverage.md")):
        rows = coverage_table(results, source, script_zoo)
        text += [f"## {title}", "", *[row for row in rows if "| not run |" not in row], ""]
    found = problems(results)
    if found:
        text += ["## What does not pass", "", *found, ""]
    path.write_text("\n".join(text))
    return passed, len(ran)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="names or patterns, separated by commas")
    parser.add_argument("--opsets", type=parse_opsets, help="such as 17 or 13-23")
    parser.add_argument("--again", action="store_true", help="also what has a result")
    parser.add_argument("--failed", action="store_true", help="only what has a result and did not pass")
    parser.add_argument("--table", action="store_true", help="only write the tables")
    parser.add_argument("--kind", choices=["pt2", "script"], default="pt2")
    parser.add_argument("--keep", action="store_true", help="keep the traced models' files")
    parser.add_argument("--onnxport", type=Path, default=ROOT / "build" / "release" / "onnxport")
    parser.add_argument(
        "--zoo", type=Path, default=Path(os.environ.get("ONNXPORT_ZOO") or ROOT / "out" / "zoo")
    )
    parser.add_argument("--results", type=Path, help="default: out/sweep.jsonl, out/sweep-script.jsonl")
    parser.add_argument("--docs", type=Path, help="default: docs/coverage.md, coverage-torchscript.md")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for one export")
    arguments = parser.parse_args()
    script = arguments.kind == "script"
    arguments.results = arguments.results or ROOT / "out" / f"sweep{'-script' * script}.jsonl"
    arguments.docs = arguments.docs or ROOT / "docs" / f"coverage{'-torchscript' * script}.md"
    write = write_script_table if script else write_table
    arguments.work = ROOT / "out" / "sweep"
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    arguments.commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()

    entries = (script_zoo if script else zoo).entries()
    patterns = arguments.only.split(",") if arguments.only else ["*"]
    chosen = [e for e in entries.values() if any(fnmatch.fnmatch(e.name, p) for p in patterns)]
    if not chosen:
        parser.error(f"no model matches {arguments.only}: see `python tests/zoo.py list`")
    todo = [(e, o) for e in chosen for o in (arguments.opsets or [DEFAULT_OPSET])]
    if arguments.opsets is None and not script:
        todo += [
            (e, o) for e in chosen if e.name in OPSET_MODELS for o in OPSETS if o != DEFAULT_OPSET
        ]
    results = read_results(arguments.results)
    if arguments.failed:
        todo = [(e, o) for e, o in todo
                if (e.name, o) in results and results[e.name, o]["outcome"] != "passed"]
    elif not arguments.again:
        todo = [(e, o) for e, o in todo if (e.name, o) not in results]
    if arguments.table:
        todo = []

    bad = 0
    for index, (entry, opset) in enumerate(todo, 1):
        line = sweep_one(entry, opset, arguments)
        with arguments.results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        results[entry.name, opset] = line
        bad += line["outcome"] != "passed"
        error = " ".join((line.get("error") or "").split())[:150]
        print(
            f"[{index}/{len(todo)}] {entry.name} opset {opset}: {verdict(line)}"
            f" {number(line.get('max_abs'), '.1e')} {number(line.get('nodes'), 'd')} nodes"
            f" {number(line.get('seconds'), '.1f')} s {error}",
            flush=True,
        )
        write(results, arguments.docs)
    passed, total = write(results, arguments.docs)
    print(f"{passed} of {total} models pass at opset {DEFAULT_OPSET}; see {arguments.docs}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
