"""Simplifies every model of the ONNX project's backend tests and compares: see tests/onnx_corpus.py.

For each of the 1,428 models: `onnxport simplify` must not fail; onnx.checker (full check) must accept the
result if it accepts the original; ONNX Runtime must give the expected outputs of the test data; the result
must have no more nodes and no more bytes than the original; types and sizes that it states for values
between nodes must be those that the runtime finds; and simplifying it again must give the same bytes. Where
the runtime cannot run the original, that is the reason listed; nothing else excuses a model.

    scripts/sweep_onnx                     all of them; writes the section in docs/coverage.md
    scripts/sweep_onnx --only 'node/test_loop*'
    scripts/sweep_onnx --sample 150        that many, chosen with a fixed seed; no table is written
"""

from __future__ import annotations

import argparse
import collections
import fnmatch
import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import inference_checks  # noqa: E402
import onnx  # noqa: E402
import onnx_corpus as corpus  # noqa: E402

BEGIN = "<!-- sweep_onnx: begin -->"
END = "<!-- sweep_onnx: end -->"


def simplify(command, source, target):
    """None, or what went wrong."""
    try:
        ran = subprocess.run(
            [command, "simplify", source, "-o", target, "-q", *simplify.options],
            capture_output=True, text=True, timeout=120,
        )
    except subprocess.TimeoutExpired:
        return "it hangs"
    if ran.returncode < 0:
        return f"it crashes with signal {-ran.returncode}: {ran.stderr.strip()[-300:]}"
    if ran.returncode > 0:
        return " ".join(ran.stderr.split())[:300] or f"exit {ran.returncode}"
    return None


simplify.options = []


def checked(path):
    try:
        onnx.checker.check_model(str(path), full_check=True)
        return None
    except Exception as error:  # noqa: BLE001
        return " ".join(str(error).split())[:300]


def runtime_reason(error):
    """Why ONNX Runtime cannot run a model, as one line."""
    text = " ".join(str(error).split())
    found = re.search(r"find an implementation for (\w+)\((\d+)\)", text)
    if found:
        return f"operator not in ONNX Runtime: {found[1]} (opset {found[2]})"
    found = re.search(r"(?:Error|Fatal error): ?([\w.:]+)\(-?\d+\) is not a registered", text)
    if found:
        return f"operator not in ONNX Runtime: {found[1]}"
    found = re.search(r"Type '(tensor\(\w+\))' of (?:input|output) parameter .* of operator \((\w+)\)", text)
    if found:
        return f"operator not in ONNX Runtime: {found[2]} of {found[1]}"
    return "ONNX Runtime: " + re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)[:160]


def outputs_of(path, model, inputs, wanted=None):
    """(outputs, None) or (None, reason)."""
    try:
        return corpus.run(model, path.parent, inputs, wanted), None
    except Exception as error:  # noqa: BLE001
        return None, runtime_reason(error)


def compare(path, before, out, after):
    """(verdict, remark): equal | not run (reason) | differs (what)."""
    random_ops = False
    verdict, remark = "equal", ""
    for inputs, expected in corpus.data_sets(path, before):
        expected = [corpus.value_of(x) for x in expected]
        first, reason = outputs_of(path, before, inputs)
        second, problem = outputs_of(out, after, inputs)
        if first is None:
            verdict, remark = "not run", reason
            if second is None:
                continue
            wrong = corpus.difference(second, expected)
            if wrong is None:
                verdict, remark = "equal", "only the simplified file runs: " + reason
            continue
        if second is None:
            return "differs", "only the original runs: " + problem
        again, _ = outputs_of(path, before, inputs)
        random_ops = corpus.difference(again, first, 0, 0) is not None
        if random_ops:
            shapes = [[getattr(x, "shape", None) for x in run] for run in (first, second)]
            if shapes[0] != shapes[1]:
                return "differs", "shapes of random outputs"
            remark = "random: types and sizes are compared"
            continue
        wrong = corpus.difference(second, first, 1e-5, 1e-6)
        if wrong is not None and corpus.difference(second, expected) is not None:
            return "differs", "from the original: " + wrong
        wrong = corpus.difference(second, expected)
        if wrong is not None:
            if corpus.difference(first, expected) is None:
                return "differs", "from the expected outputs: " + wrong
            remark = f"the original gives other outputs than expected ({wrong}); the same as before"
    return verdict, remark


def stated_types(path, out, after):
    """None, or the first value between nodes whose stated type or size is not the runtime's."""
    infos = [v for v in after.graph.value_info if v.type.HasField("tensor_type")]
    made = {name for node in after.graph.node for name in node.output}
    infos = [v for v in infos if v.name in made]
    if not infos:
        return None
    before = onnx.load(str(path))
    for inputs, _ in corpus.data_sets(path, before):
        symbols = {}
        got, reason = outputs_of(out, after, inputs, [v.name for v in infos])
        if got is None:
            return None  # what the runtime cannot run is told of elsewhere
        for info, value in zip(infos, got, strict=True):
            stated = info.type.tensor_type
            if not stated.HasField("shape") or not hasattr(value, "shape"):
                continue
            if len(stated.shape.dim) != len(value.shape):
                return f"{info.name} is said to have {len(stated.shape.dim)} axes, not {len(value.shape)}"
            for dim, size in zip(stated.shape.dim, value.shape, strict=True):
                if dim.HasField("dim_value") and dim.dim_value != size:
                    return f"{info.name} is said to be {dim.dim_value} where it is {size}"
                if dim.dim_param.isidentifier() and symbols.setdefault(dim.dim_param, size) != size:
                    return f"{info.name}: {dim.dim_param} is {symbols[dim.dim_param]} and {size}"
    return None


def sweep_one(command, name, path, work):
    line = {"name": name, "kind": name.split("/")[0], "problems": []}
    out, again = work / "once.onnx", work / "twice.onnx"
    problem = simplify(command, path, out)
    before = onnx.load(str(path), load_external_data=False)
    line["nodes"] = corpus.count_nodes(before.graph)
    if problem is not None:
        check = checked(path)
        if check is not None and "unmapped" not in problem:
            return {**line, "verdict": "refused", "remark": f"onnx.checker refuses the original: {check[:120]}"}
        return {**line, "verdict": "failed", "problems": [problem]}
    after = onnx.load(str(out), load_external_data=False)
    line["nodes_after"] = corpus.count_nodes(after.graph)
    line["bytes"], line["bytes_after"] = path.stat().st_size, out.stat().st_size
    if line["nodes_after"] > line["nodes"]:
        line["problems"].append(f"{line['nodes_after']} nodes, {line['nodes']} before")
    if line["bytes_after"] > line["bytes"]:
        line["problems"].append(f"{line['bytes_after']} bytes, {line['bytes']} before")
    check_after = checked(out)
    if check_after is not None and checked(path) is None:
        line["problems"].append("onnx.checker: " + check_after)
    for a, b, what in ((before.graph.input, after.graph.input, "inputs"),
                       (before.graph.output, after.graph.output, "outputs")):
        if [x.name for x in a] != [x.name for x in b] and before.ir_version >= 4:
            line["problems"].append(f"other {what}")
    problem = simplify(command, out, again)
    if problem is not None:
        line["problems"].append("the second time: " + problem)
    elif out.read_bytes() != again.read_bytes():
        line["problems"].append("simplifying again changes it")
    line["verdict"], line["remark"] = compare(path, before, out, after)
    if line["verdict"] == "differs":
        line["problems"].append(line["remark"])
    wrong = inference_checks.untrue(before, path, inference_checks.feeds_of(path, before))
    if wrong is not None:
        line["problems"].append("inference: " + wrong)
    wrong = stated_types(path, out, after)
    if wrong is not None:
        line["problems"].append(wrong)
    return line


def table(lines, seconds):
    kinds = collections.OrderedDict()
    for line in lines:
        kinds.setdefault(line["kind"], []).append(line)
    rows = [
        "| models | read, simplified, checked | outputs equal | not run by ONNX Runtime | wrong | nodes before |"
        " after | MB before | after |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for kind, some in [*kinds.items(), ("all", lines)]:
        done = [l for l in some if l["verdict"] not in ("failed", "refused")]
        rows.append(
            f"| {kind} ({len(some)}) | {len(done)} | {sum(l['verdict'] == 'equal' for l in some)} |"
            f" {sum(l['verdict'] == 'not run' for l in some)} | {sum(bool(l['problems']) for l in some)} |"
            f" {sum(l['nodes'] for l in done)} | {sum(l['nodes_after'] for l in done)} |"
            f" {sum(l['bytes'] for l in done) / 1e6:.2f} | {sum(l['bytes_after'] for l in done) / 1e6:.2f} |"
        )
    text = [
        BEGIN,
        "## ONNX's backend tests, simplified",
        "",
        "Written by `scripts/sweep_onnx`; not by hand. Every model file of the ONNX project's backend tests (the"
        f" wheel of onnx {corpus.VERSION}) goes through `onnxport simplify`. The result must pass onnx.checker if"
        " the original does, give the expected outputs of its test data in ONNX Runtime"
        f" {corpus.onnxruntime.__version__}, have no more nodes and no more bytes, state true types, and stay as it"
        " is when it is simplified again. The only excuse for not comparing is that ONNX Runtime does not run the"
        " original.",
        "",
        *rows,
        "",
    ]
    wrong = [l for l in lines if l["problems"]]
    if wrong:
        text += ["Wrong:", ""]
        text += [f"- `{l['name']}`: " + "; ".join(l["problems"]).replace("|", "\\|") for l in wrong] + [""]
    reasons = collections.OrderedDict()
    for line in lines:
        if line["verdict"] in ("not run", "refused") or line.get("remark"):
            reasons.setdefault(line["remark"], []).append(line["name"].split("/")[1])
    text += ["Listed with the reason:", ""]
    for reason, names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        shown = ", ".join(n.removeprefix("test_") for n in names)
        text.append(f"- {reason}: {len(names)} ({shown})")
    return "\n".join([*text, END])


def write_section(text, path):
    """The section in place of the one that is there, or at the end."""
    old = path.read_text() if path.exists() else "# Coverage\n"
    if BEGIN in old:
        head, rest = old.split(BEGIN, 1)
        old = head.rstrip() + rest.split(END, 1)[1].rstrip()
    path.write_text(old.rstrip() + "\n\n" + text + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="names or patterns, separated by commas")
    parser.add_argument("--sample", type=int, help="so many models, spread over the kinds")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--onnxport", type=Path, default=ROOT / "build" / "release" / "onnxport")
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "sweep_onnx")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs" / "coverage.md")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if "--no-check" in subprocess.run([arguments.onnxport, "simplify", "--help"], capture_output=True, text=True).stdout:
        simplify.options = ["--no-check"]

    found = corpus.models(corpus.fetch())
    everything = len(found)
    if arguments.only:
        patterns = arguments.only.split(",")
        found = [(n, p) for n, p in found if any(fnmatch.fnmatch(n, pattern) for pattern in patterns)]
    if arguments.sample:
        found = sorted(random.Random(arguments.seed).sample(found, min(arguments.sample, len(found))))
    began = time.time()
    lines = []
    for name, path in found:
        line = sweep_one(arguments.onnxport, name, path, arguments.work)
        lines.append(line)
        for problem in line["problems"]:
            print(f"{name}: {problem}", flush=True)
    (arguments.work / "lines.jsonl").write_text("".join(json.dumps(l) + "\n" for l in lines))
    text = table(lines, time.time() - began)
    if len(found) == everything:
        write_section(text, arguments.docs)
    bad = sum(bool(l["problems"]) for l in lines)
    print(f"{len(lines)} models in {time.time() - began:.0f} s: {bad} wrong,"
          f" {sum(l['verdict'] == 'equal' for l in lines)} equal,"
          f" {sum(l['verdict'] == 'not run' for l in lines)} not run, "
          f"{sum(l['verdict'] == 'refused' for l in lines)} refused")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
