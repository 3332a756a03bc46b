"""Simplifies random graphs (tests/random_graphs.py) and compares before with after in ONNX Runtime.

Each seed makes one model, run on three sets of sizes. A model that fails is saved, cut down to the first value
that is wrong, in out/fuzz, and its seed is named.

    scripts/fuzz_simplify --count 10000 --seed 0
    scripts/fuzz_simplify --count 1 --seed 1234
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import inference_checks  # noqa: E402
import onnx_corpus as corpus  # noqa: E402
import random_graphs  # noqa: E402
import simplify_checks  # noqa: E402


def one(task):
    seed, command, work, options = task
    model, feeds = random_graphs.make(seed)
    facts = {"opset": model.opset_import[0].version, "nodes": corpus.count_nodes(model.graph)}
    facts["operators"] = sorted({n.op_type for n in model.graph.node})
    stem = f"worker{multiprocessing.current_process().pid}"
    try:
        found, remark = simplify_checks.problems_of(command, model, feeds, work, stem, options)
        untrue = inference_checks.untrue(model, work / f"{stem}.in.onnx", feeds)
        if untrue is not None:
            found.append("inference: " + untrue)
        once = work / f"{stem}.once.onnx"
        facts["nodes_after"] = 0
        if once.exists():
            facts["nodes_after"] = corpus.count_nodes(corpus.onnx.load(str(once)).graph)
    except Exception as error:  # noqa: BLE001
        found, remark = [f"the check itself: {type(error).__name__} {error}"], ""
    return seed, found, remark, facts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first; the others follow")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--exact", action="store_true", help="without the rules that change rounding")
    parser.add_argument("--stop", type=int, default=50, help="after so many failures")
    parser.add_argument("--onnxport", type=Path, default=ROOT / "build" / "release" / "onnxport")
    parser.add_argument("--save", type=Path, default=ROOT / "out" / "fuzz")
    arguments = parser.parse_args()
    arguments.save.mkdir(parents=True, exist_ok=True)
    options = ["--exact"] * arguments.exact
    text = subprocess.run([arguments.onnxport, "simplify", "--help"], capture_output=True, text=True).stdout
    options += ["--no-check"] * ("--no-check" in text)
    began = time.time()
    failures, remarks = {}, collections.Counter()
    by_opset = collections.defaultdict(lambda: [0, 0, 0, 0])
    operators = set()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tasks = ((s, arguments.onnxport, work, options) for s in range(arguments.seed, arguments.seed + arguments.count))
        with multiprocessing.Pool(arguments.processes) as pool:
            for done, (seed, found, remark, facts) in enumerate(pool.imap_unordered(one, tasks, chunksize=8), 1):
                row = by_opset[facts["opset"]]
                row[0] += 1
                row[1] += facts["nodes"]
                row[2] += facts.get("nodes_after", 0)
                row[3] += bool(found)
                operators.update(facts["operators"])
                remarks[remark.split(":")[0]] += bool(remark)
                if found:
                    failures[seed] = found
                    print(f"seed {seed}: {'; '.join(found)}", flush=True)
                    if len(failures) >= arguments.stop:
                        pool.terminate()
                        break
        print("| opset | graphs | nodes before | after | wrong |\n|--:|--:|--:|--:|--:|")
        for opset, (count, before, after, wrong) in sorted(by_opset.items()):
            print(f"| {opset} | {count} | {before} | {after} | {wrong} |")
        for seed in sorted(failures)[:10]:
            small, found = simplify_checks.shrink(arguments.onnxport, seed, work, options)
            path = arguments.save / f"seed{seed}.onnx"
            path.write_bytes(small.SerializeToString())
            print(f"{path}: {corpus.count_nodes(small.graph)} nodes: {'; '.join(found or failures[seed])}")
    total = sum(row[0] for row in by_opset.values())
    told = ", ".join(f"{n} {what}" for what, n in remarks.items() if n)
    print(f"{total} random graphs from seed {arguments.seed}, {len(operators)} operators, in {time.time() - began:.0f} s:"
          f" {total - len(failures)} agree{f' ({told})' if told else ''}, {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
