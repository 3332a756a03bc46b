"""Side by side in one run: onnxport simplify, onnxsim, OnnxSlim and ONNX Runtime basic on the files of a folder.

    .deps/venv/bin/python bench/simplify_models.py MODELS       # makes the files
    .deps/venv/bin/python bench/simplify.py MODELS [--only NAME,...] [--repeat 3] [--ours-only] [--table bench/SIMPLIFY.md]

Each simplifier is a process of its own that reads a file and writes a file; wall time and peak memory (the
kernel's ru_maxrss of that process) are taken from outside. The Python ones also tell the time of load, simplify
and save alone, without starting Python and importing. All do the same work: onnxport runs with --no-check, because
none of the others compares results by default; what the check adds is a column of its own.

Then every result is run beside its original in ONNX Runtime on the same random inputs. The original runs without
any of the runtime's own optimizations, the result with the runtime's basic level off as well.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import measure as measuring

ROOT = Path(__file__).resolve().parent.parent
OTHERS = ["onnxsim", "OnnxSlim", "ONNX Runtime basic"]
TIMES = 5  # what issue 4 asks for: at least so many times faster than the faster of onnxsim and OnnxSlim
LIMIT = 300  # seconds for one simplifier on one file
# Largest difference from the original's results that is still rounding, in parts of the largest result.
ROUNDING = 2e-3

# Sizes of dynamic dimensions by input or dimension name, where 2 is not a size that the model takes.
SIZES = {
    "sequence": 12, "samples": 8000, "p2o.DynamicDimension.1": 3,
}
SHAPES = {  # file name prefix -> input -> shape
    "rapidocr-onnxruntime-ch_PP-OCRv4_det": {"x": [1, 3, 320, 320]},
    "rapidocr-onnxruntime-ch_PP-OCRv4_rec": {"x": [2, 3, 48, 320]},
    "rapidocr-onnxruntime-ch_ppocr_mobile_v2.0_cls": {"x": [2, 3, 48, 192]},
    "silero-vad-silero_vad.onnx": {"input": [1, 512], "state": [2, 1, 128]},
    "silero-vad-silero_vad_16k": {"input": [1, 512], "state": [2, 1, 128]},
    "ddddocr-common_old": {"input1": [1, 1, 64, 160]},
    "ddddocr-common_det": {"images": [1, 3, 416, 416]},
    "tv_fasterrcnn": {"image": [3, 320, 320]},
    "tv_ssdlite": {"image": [3, 320, 320]},
}


# --- in processes of their own ----------------------------------------------------------------------


def way(name, source, out):
    """One of the Python simplifiers on one file; prints the seconds of its work alone."""
    import onnx

    if name == "onnxsim":
        import onnxsim

        began = time.perf_counter()
        model, _ = onnxsim.simplify(onnx.load(source))
        onnx.save(model, out)
    elif name == "OnnxSlim":
        import onnxslim

        began = time.perf_counter()
        onnx.save(onnxslim.slim(onnx.load(source)), out)
    else:
        import onnxruntime

        began = time.perf_counter()
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = out
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    print(json.dumps({"seconds": time.perf_counter() - began}))


def operators(path):
    """Counts of the nodes of a file by operator, subgraphs included."""
    import onnx

    counts = collections.Counter()

    def count(graph):
        for node in graph.node:
            counts[f"{node.domain}::{node.op_type}" if node.domain else node.op_type] += 1
            for attribute in node.attribute:
                for body in [attribute.g, *attribute.graphs]:
                    count(body)

    count(onnx.load(path, load_external_data=False).graph)
    return dict(counts)


def feeds(session, name):
    import numpy

    generator = numpy.random.default_rng(4)
    table = next((v for k, v in SHAPES.items() if f"{name}.onnx".startswith(k)), {})
    made = {}
    for value in session.get_inputs():
        shape = table.get(value.name)
        if shape is None:
            shape = [d if isinstance(d, int) else SIZES.get(d, 2) for d in value.shape]
        if value.name == "sr":
            made[value.name] = numpy.array(16000, numpy.int64)
        elif "float" in value.type:
            kind = {"tensor(float)": numpy.float32, "tensor(float16)": numpy.float16}.get(value.type, numpy.float64)
            low = 0 if value.name in ("image", "images") else -1
            made[value.name] = generator.uniform(low, 1, shape).astype(kind)
        elif "mask" in value.name:
            mask = numpy.ones(shape, numpy.int64)
            mask[-1, -3:] = 0
            made[value.name] = mask
        else:
            kind = {"tensor(int32)": numpy.int32, "tensor(bool)": bool, "tensor(uint8)": numpy.uint8}
            made[value.name] = generator.integers(0, 200, shape).astype(kind.get(value.type, numpy.int64))
    return made


def run_model(path, name):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds(session, name))


def look(name, source, *results):
    """Prints operators and distance from the original of each result: WAY=FILE."""
    import numpy

    told = {"original": {"operators": operators(source), "bytes": os.path.getsize(source)}}
    try:
        expected, problem = run_model(source, name), None
    except Exception as error:  # the original does not run: then nothing can be compared
        expected, problem = None, str(error).splitlines()[0][:200]
    if problem:
        told["original"]["problem"] = problem
    for entry in results:
        key, path = entry.split("=", 1)
        told[key] = {"operators": operators(path), "bytes": os.path.getsize(path)}
        if expected is None:
            continue
        try:
            got = run_model(path, name)
            worst = 0.0
            for a, b in zip(expected, got, strict=True):
                a, b = numpy.asarray(a), numpy.asarray(b)
                if a.shape != b.shape or a.dtype != b.dtype:
                    raise ValueError(f"{a.dtype}{a.shape} became {b.dtype}{b.shape}")
                if a.size == 0:
                    continue
                a, b = a.astype(numpy.float64), b.astype(numpy.float64)
                if not (numpy.isfinite(a) == numpy.isfinite(b)).all():
                    raise ValueError("other elements are finite")
                good = numpy.isfinite(a)
                scale = max(numpy.abs(a[good]).max(initial=0), 1e-6)
                worst = max(worst, float(numpy.abs(a - b)[good].max(initial=0) / scale))
            told[key]["distance"] = worst
        except Exception as error:
            told[key]["problem"] = str(error).splitlines()[0][:200]
    print(json.dumps(told))


# --- measuring --------------------------------------------------------------------------------------


def measure(command, log, limit=LIMIT):
    """Wall seconds, peak MB, what went wrong (or None), and seconds of processor time."""
    taken = measuring.measure(command, log, limit)
    problem = None
    if taken.status == -9 and taken.seconds >= limit:
        problem = f"no result within {limit} s"
    elif taken.status != 0:
        said = [l for l in Path(log).read_text(errors="replace").splitlines() if l.strip()]
        problem = f"exit {taken.status}: {said[-1][:160] if said else ''}"
    return taken.seconds, taken.mb, problem, taken.cpu


def last_json(path):
    return json.loads(next(l for l in reversed(Path(path).read_text().splitlines()) if l[:1] == "{"))


def bench(path, arguments, work, old):
    this = [sys.executable, Path(__file__).resolve()]
    log, name = work / "log", path.stem
    ways = {"onnxport": [arguments.onnxport, "simplify", path, "-o", work / "onnxport.onnx", *arguments.ours.split()]}
    if not arguments.ours_only or any(k not in old for k in OTHERS):
        for other in OTHERS:
            ways[other] = [*this, "--way", other, path, work / f"{other.replace(' ', '_')}.onnx"]
    result = {k: v for k, v in old.items() if k not in ways}
    samples = collections.defaultdict(list)
    for _ in range(arguments.repeat):
        for key, command in ways.items():
            if any(s["problem"] for s in samples[key]):
                continue
            seconds, mb, problem, _ = measure(command, log)
            samples[key].append({"seconds": seconds, "mb": mb, "problem": problem})
            if problem is None and key != "onnxport":
                samples[key][-1]["bare"] = last_json(log)["seconds"]
    for key, runs in samples.items():
        result[key] = {k: statistics.median(r[k] for r in runs if k in r) for k in ("seconds", "mb")}
        if "bare" in runs[0]:
            result[key]["bare"] = statistics.median(r["bare"] for r in runs)
        if runs[-1]["problem"]:
            result[key] = {"problem": runs[-1]["problem"]}
    if arguments.with_check:
        seconds, mb, problem, _ = measure([arguments.onnxport, "simplify", path, "-o", work / "checked.onnx"], log)
        result["checked"] = {"problem": problem} if problem else {"seconds": seconds, "mb": mb}
    made = [f"{k}={work / (k.replace(' ', '_') + '.onnx')}" for k in samples if "problem" not in result[k]]
    _, _, problem, _ = measure([*this, "--look", name, path, *made], log, 2 * LIMIT)
    if problem:
        print(f"{name}: comparing failed: {problem}")
    else:
        for key, told in last_json(log).items():
            result.setdefault(key, {}).update(told)
    if arguments.keep:
        for entry in made:
            key, file = entry.split("=", 1)
            shutil.move(file, arguments.keep / f"{name}.{key.replace(' ', '_')}.onnx")
    for left in work.iterdir():
        left.unlink()
    return result


# --- the table --------------------------------------------------------------------------------------


def nodes(entry):
    return sum(entry["operators"].values()) if "operators" in entry else None


def is_wrong(entry):
    return "problem" in entry or entry.get("distance", 0) > ROUNDING


def verdict(r):
    """(best of the others, which, speed ratio, ratio without starting Python) of a model."""
    # A file that the runtime refuses or that gives other results is not a result.
    counts = {k: nodes(r[k]) for k in OTHERS if "operators" in r[k] and not is_wrong(r[k])}
    best = min(counts, key=counts.get) if counts else None
    times = [r[k] for k in OTHERS[:2] if "seconds" in r[k]]
    ours = r["onnxport"].get("seconds")
    speed = min(t["seconds"] for t in times) / ours if times and ours else None
    bare = min(t["bare"] for t in times) / ours if times and ours else None
    return counts.get(best), best, speed, bare


def table(results, arguments, failures):
    import onnx
    import onnxruntime
    import onnxsim
    import onnxslim

    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "")

    def count(entry):
        if "problem" in entry and "operators" not in entry:
            return "✗"
        mark = " ✗" if is_wrong(entry) else ""
        return f"{nodes(entry)}{mark}"

    rows = [
        f"{len(results)} files. {os.cpu_count()} cores ({cpu or platform.machine()}), medians of"
        f" {arguments.repeat} interleaved runs. onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__},"
        f" onnxsim {onnxsim.__version__}, OnnxSlim {onnxslim.__version__}.",
        "",
        "Nodes that are left (subgraphs included). ✗: the simplifier failed, or its file does not run in ONNX Runtime,"
        f" or gives results that differ by more than {ROUNDING:g} of the largest.",
        "",
        "| model | original | onnxsim | OnnxSlim | ORT basic | onnxport | fewer than the best | difference |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, r in results.items():
        best, _, _, _ = verdict(r)
        ours = nodes(r["onnxport"])
        less = "–" if best is None or ours is None else str(best - ours)
        distance = r["onnxport"].get("distance")
        rows.append(
            f"| {name} | {nodes(r['original'])} | {count(r['onnxsim'])} | {count(r['OnnxSlim'])} |"
            f" {count(r['ONNX Runtime basic'])} | {count(r['onnxport'])} | {less} |"
            f" {'–' if distance is None else f'{distance:.0e}'} |"
        )
    rows += [
        "",
        "Time and memory. `onnxport` is `simplify --no-check`; the Python ones as processes, and in brackets the time"
        " of load, simplify and save alone. The last columns: how many times faster than the faster of onnxsim and"
        " OnnxSlim, as processes and in brackets against their work alone; and peak memory (RSS).",
        "",
        "| model | file MB | onnxport file MB | onnxport s | onnxsim s | OnnxSlim s | ORT basic s | times faster |"
        " onnxport MB | onnxsim MB | OnnxSlim MB | checked s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]

    def time_of(entry):
        return "✗" if "seconds" not in entry else f"{entry['seconds']:.2f} ({entry['bare']:.2f})"

    def mb_of(entry):
        return "✗" if "mb" not in entry else f"{entry['mb']:.0f}"

    for name, r in results.items():
        _, _, speed, bare = verdict(r)
        o = r["onnxport"]
        checked = r.get("checked", {})
        rows.append(
            f"| {name} | {r['original']['bytes'] / 1e6:.1f} | {o.get('bytes', 0) / 1e6:.1f} |"
            f" {o.get('seconds', 0):.3f} | {time_of(r['onnxsim'])} | {time_of(r['OnnxSlim'])} |"
            f" {time_of(r['ONNX Runtime basic'])} | {'–' if speed is None else f'{speed:.0f} ({bare:.0f})'} |"
            f" {mb_of(o)} | {mb_of(r['onnxsim'])} | {mb_of(r['OnnxSlim'])} |"
            f" {checked['seconds']:.2f} |" if "seconds" in checked else
            f"| {name} | {r['original']['bytes'] / 1e6:.1f} | {o.get('bytes', 0) / 1e6:.1f} |"
            f" {o.get('seconds', 0):.3f} | {time_of(r['onnxsim'])} | {time_of(r['OnnxSlim'])} |"
            f" {time_of(r['ONNX Runtime basic'])} | {'–' if speed is None else f'{speed:.0f} ({bare:.0f})'} |"
            f" {mb_of(o)} | {mb_of(r['onnxsim'])} | {mb_of(r['OnnxSlim'])} | – |"
        )
    problems = []
    for name, r in results.items():
        for key in ("original", "onnxport", *OTHERS, "checked"):
            entry = r.get(key, {})
            if "problem" in entry and entry["problem"]:
                problems.append(f"- {name}, {key}: {entry['problem']}")
            elif key not in ("original", "checked") and entry.get("distance", 0) > ROUNDING:
                problems.append(f"- {name}, {key}: results differ by {entry['distance']:.1e} of the largest")
    rows += ["", "What failed:", "", *(problems or ["- nothing"])]
    rows += ["", "Exports that could not be made:", "", *(f"- {k}: {v}" for k, v in failures.items())]
    if not failures:
        rows.append("- none")
    return rows


def smallest_run(onnxport, work):
    """Peak memory in MB of onnxport simplify on next to nothing: the command itself, and ONNX Runtime,
    which it loads to compute a constant."""
    import onnx

    text = '''<ir_version: 8, opset_import: ["" : 17]>
        g (float[N, 4] x) => (float[N, 4] y) <float[4] a = {1, 2, 3, 4}, int64 axis = {0}>
        { c = CumSum(a, axis) y = Mul(x, c) }'''
    source = Path(work) / "smallest.onnx"
    onnx.save(onnx.parser.parse_model(text), source)
    command = [onnxport, "simplify", source, "-o", Path(work) / "out.onnx", "--quiet", "--no-check"]
    _, mb, problem, _ = measure(command, Path(work) / "log")
    if problem:
        raise SystemExit(problem)
    return mb


def verdicts(results, smallest):
    """What issue 4 asks for, and whether it holds."""
    more, fewer, slow, large, wrong, bare_fast, heavy = [], 0, [], [], [], 0, []
    for name, r in results.items():
        best, which, speed, bare = verdict(r)
        ours = nodes(r["onnxport"])
        if is_wrong(r["onnxport"]) or ours is None:
            wrong.append(name)
            continue
        if best is not None:
            if ours > best:
                more.append(f"{name} ({ours}, {which} {best})")
            fewer += ours < best
        if speed is not None and speed < TIMES:
            slow.append(f"{name} ({speed:.1f})")
        bare_fast += bare is not None and bare >= TIMES
        above = r["onnxport"]["mb"] - smallest
        if above > r["original"]["bytes"] / 1e6:
            heavy.append(f"{name} ({above:.0f} MB, the file {r['original']['bytes'] / 1e6:.1f} MB)")
        if r["onnxport"]["bytes"] > r["original"]["bytes"]:
            large.append(f"{name} ({r['onnxport']['bytes'] - r['original']['bytes']} bytes)")
    n = len(results)
    return [
        f"{'✓' if not more else '✗'} never more nodes than the best of the others: {n - len(more)} of {n}; fewer on {fewer}"
        + (f"; more on {', '.join(more)}" if more else ""),
        f"{'✓' if not wrong else '✗'} results equal: {n - len(wrong)} of {n}" + (f"; not {', '.join(wrong)}" if wrong else ""),
        f"{'✓' if not slow else '✗'} at least {TIMES} times faster than the faster of onnxsim and OnnxSlim, as commands:"
        f" {n - len(slow)} of {n}; not counting what they need to start Python and import: {bare_fast} of {n}"
        + (f"; not {', '.join(slow)}" if slow else ""),
        f"{'✓' if not large else '✗'} the file does not grow: {n - len(large)} of {n}"
        + (f"; grown {', '.join(large)}" if large else ""),
        f"{'✓' if not heavy else '✗'} peak memory, less the {smallest:.0f} MB that a graph of two nodes takes, at most the size of the"
        f" file: {n - len(heavy)} of {n}" + (f"; more {', '.join(heavy)}" if heavy else ""),
    ]


def write_section(path, title, rows):
    """Replaces (or appends) the section `title` of a Markdown file."""
    text = path.read_text() if path.exists() else "# Simplifiers side by side\n\nWritten by bench/simplify.py and bench/simplify_scale.py.\n"
    head = f"\n## {title}\n"
    before, found, after = text.partition(head)
    rest = ""
    if found:
        at = after.find("\n## ")
        rest = after[at:] if at >= 0 else ""
    path.write_text(before.rstrip("\n") + "\n" + head + "\n" + "\n".join(rows) + "\n" + rest)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="?")
    parser.add_argument("--only", default="")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ours-only", action="store_true", help="the others' figures of the last run, if there are any")
    parser.add_argument("--ours", default="--quiet --no-check", help="further arguments of onnxport simplify, in one text")
    parser.add_argument("--with-check", action="store_true", help="also the default, which checks its result")
    parser.add_argument("--keep", type=Path, help="a folder that keeps every simplifier's file")
    parser.add_argument("--onnxport", type=Path, default=ROOT / "build" / "release" / "onnxport")
    parser.add_argument("--results", type=Path, default=ROOT / "out" / "simplify.json")
    memory = Path("/dev/shm")
    parser.add_argument("--work", type=Path, default=memory if memory.is_dir() else None,
                        help="where results are written; a file system in memory keeps the disk out of the times")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--way", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--look", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        return way(*arguments.way)
    if arguments.look:
        return look(*arguments.look)
    only = set(filter(None, arguments.only.split(",")))
    paths = sorted(p for p in arguments.models.glob("*.onnx") if not only or p.stem in only)
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    known = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
    results = {}
    for path in paths:
        with tempfile.TemporaryDirectory(dir=arguments.work) as work:
            known[path.stem] = results[path.stem] = bench(path, arguments, Path(work), known.get(path.stem, {}))
        arguments.results.write_text(json.dumps(known, indent=1) + "\n")
        r = results[path.stem]
        best, which, speed, bare = verdict(r)
        ours = r["onnxport"]
        print(f"{path.stem}: {nodes(ours)} nodes (best: {best} {which}),"
              f" {ours.get('seconds', 0):.3f} s" + (f", {speed:.0f}/{bare:.0f} times faster" if speed else "")
              + f", distance {ours.get('distance')} {ours.get('problem') or ''}", flush=True)
    listed = arguments.models / "failures.json"
    failures = json.loads(listed.read_text()) if listed.exists() else {}
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        lines = verdicts(results, smallest_run(arguments.onnxport, work))
    print("\n".join(["", *lines]))
    if arguments.table:
        rows = [*(f"- {l}" for l in lines), "", *table(results, arguments, failures)]
        write_section(arguments.table, "Exported and trained models", rows)
    return 0 if all(l[0] == "✓" for l in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
