"""Shows that a refactoring changes no file: writes the same ONNX files with an older commit's build and with
this one, and prints every file that is not the same to the byte.

    scripts/replay main~5                        the quick set: under two minutes when its models are there
    scripts/replay main~5 --full                 every model of the zoo, every archive, every backend test
    scripts/replay main~5 --only 'tv_*' --kind pt2
    scripts/replay main~5 --old-build DIR        a build of that commit that is there already

The older commit is checked out and built by its own scripts/build in out/replay/<commit>/tree, once; this side
is build/release, which must be built. What the older build wrote (hashes, exit codes, messages) is kept in
out/replay/<commit>/results.jsonl by the model's own hash, so running again costs only the new side
($ONNXPORT_REPLAY in place of out/replay shares that among several checkouts). Models are made where they are
missing, as scripts/sweep does, and kept in out/zoo or $ONNXPORT_ZOO; with --full, traced ones that were not there
are deleted again (unless --keep says otherwise), and making them takes most of the time.

Most exports leave verification out: it does not change a file, with one exception, a fixed batch that is made
dynamic once that is proven. So small models are exported with it too ("verified" in the table).

Exit 1: a file differs or only one side writes it, exit codes differ, or a case could not be run. Messages that
are worded otherwise are listed and counted, no more. Of a case that differs, what both sides wrote is left in
out/replay/differences.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import dataclasses
import fnmatch
import functools
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import script_zoo  # noqa: E402
import zoo  # noqa: E402
from sweep import DEFAULT_OPSET, OPSET_MODELS, OPSETS, json_lines  # noqa: E402

FIXTURES = ROOT / "tests" / "fixtures"
# Of different families, small, and at opsets where lowering takes different ways.
QUICK_MODELS = {
    "dinov3_vits16": [13, 17, 20, 23],
    "tv_mobilenet_v3_small": [13, 17, 23],
    "tv_swin_t": [13, 17, 20],
    "tv_convnext_tiny": [17, 23],
    "tv_efficientnet_b0": [17],
    "tv_squeezenet1_1": [13],
    "timm_crossvit_tiny_240": [20],
    "timm_edgenext_xx_small": [17],
    "timm_focalnet_tiny_srf": [17],
    "timm_ghostnet_100": [17],
    "timm_halonet26t": [17, 20],
    "timm_lambda_resnet26t": [17],
    "timm_levit_128s": [13],
    "timm_mobilevit_xxs": [17],
    "timm_mvitv2_tiny": [17],
    "timm_pvt_v2_b0": [23],
    "timm_sequencer2d_s": [17],
    "timm_xcit_nano_12_p8_224": [17, 20],
}
# Loops, branches, lists and dictionaries: quick enough to be verified too.
SMALL_SCRIPTS = [f"script_{name}" for name in (
    "Lstm", "Gru", "CellLoop", "LongLoop", "While", "Greedy", "DataIf", "Mask", "Dicts", "Sizes")]
QUICK_SCRIPTS = {
    **{name: [13, 23] for name in SMALL_SCRIPTS},
    "script_fasterrcnn_mobilenet_320": [17],
    "script_mobilenet_v3_small_any_size": [17],
    "script_ssdlite320": [17],
    "script_ssdlite320_any_size": [17],
    "traced_dinov3_vits16": [17],
    "traced_timm_pvt_v2_b0_any_size": [17],
    "traced_timm_xcit_nano_12_p8_224_any_size": [20],
    "traced_tv_mobilenet_v3_small": [17],
}
VERIFIED_SCRIPTS = [*SMALL_SCRIPTS, "traced_tv_mobilenet_v3_small"]
QUICK_FOLDERS = {"pt2": ["2.4.1", "2.13.0"], "script": ["1.8.1", "2.13.0"]}
QUICK_CORPUS = 150


@dataclasses.dataclass(frozen=True)
class Case:
    """One file to write: `onnxport command path *options -o FOLDER/model.onnx`."""

    kind: str  # pt2, script, onnx
    group: str  # its row in the table
    name: str
    path: Path
    command: str = "export"
    options: tuple = ()
    make: Callable | None = None  # makes `path`, and gives further options
    delete: bool = False  # when all cases of `path` are through, if it was made for them


@dataclasses.dataclass
class Result:
    """What one build did with a case. `files`: the hash of every file it left, by name."""

    code: int
    files: dict
    error: str


# --- the sets ----------------------------------------------------------------------------------------


def zoo_cases(kind, arguments):
    """The zoo's models, or TorchScript's, converted only."""
    script = kind == "script"
    maker = script_zoo if script else zoo
    known = maker.entries()
    if arguments.full:
        chosen = {name: [DEFAULT_OPSET] for name in known}
        chosen.update({name: list(OPSETS) for name in OPSET_MODELS if not script})
    else:
        chosen = QUICK_SCRIPTS if script else QUICK_MODELS
    group = "TorchScript models" if script else ".pt2 models"
    for name, opsets in chosen.items():
        path = arguments.zoo / f"{name}{'.pt' if script else '.pt2'}"
        delete = arguments.full and known[name].source == "traced" and not arguments.keep
        make = lambda p, m=maker: make_model(m, p)  # noqa: E731
        for opset in opsets:
            options = ("--opset", str(opset), "--no-verify")
            yield Case(kind, group, f"{name}@{opset}", path, options=options, make=make, delete=delete)
        if script and name in VERIFIED_SCRIPTS:
            yield Case(kind, f"{group}, verified", f"{name}@verified", path, make=make, delete=delete)


def make_model(maker, path):
    """Makes a zoo's file where it is missing; its options for `export`. In a process of its own."""
    script = maker is script_zoo
    if not (script_zoo.about(path) if script else zoo.is_made(path)):
        command = [sys.executable, "-W", "ignore", maker.__file__, "make", path.stem, path]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
    return tuple(script_zoo.about(path)["arguments"]) if script else ()


def fixture_cases(kind, arguments):
    """The files of many versions of torch under tests/fixtures: verified, and converted at other opsets."""
    pattern = "*.pt" if kind == "script" else "*.pt2"
    for path in sorted((FIXTURES / kind).glob(f"*/{pattern}")):
        if not arguments.full and path.parent.name not in QUICK_FOLDERS[kind]:
            continue
        name = f"fixtures/{kind}/{path.parent.name}/{path.stem}"
        options = ()
        if kind == "script":
            shape = json.loads(path.with_suffix(".json").read_text())["input"]["shape"]
            options = ("--input-shape", ",".join(map(str, shape)))
        group = "TorchScript archives" if kind == "script" else ".pt2 fixtures"
        yield Case(kind, f"{group}, verified", f"{name}@verified", path, options=options)
        opsets = (13, 23) if kind == "pt2" else (13,) if arguments.full else ()
        for opset in opsets:
            more = ("--opset", str(opset), "--no-verify")
            yield Case(kind, group, f"{name}@{opset}", path, options=(*options, *more))


def patterns_of(arguments):
    return arguments.only.split(",") if arguments.only else ["*"]


def may_begin(pattern, beginning):
    """Whether a name that the pattern matches may begin so."""
    plain = re.split(r"[*?[]", pattern)[0]
    return plain.startswith(beginning) or (plain != pattern and beginning.startswith(plain))


def onnx_cases(arguments):
    """The ONNX project's backend tests, and what --more names, through `simplify`."""
    if any(may_begin(pattern, "onnx/") for pattern in patterns_of(arguments)):  # else it need not be fetched
        import onnx_corpus

        found = onnx_corpus.models(onnx_corpus.fetch())
        if not arguments.full and not arguments.only:
            found = sorted(random.Random(0).sample(found, QUICK_CORPUS))
        for name, path in found:
            yield Case("onnx", "ONNX backend tests", f"onnx/{name}", path, "simplify")
    for folder in arguments.more:
        for path in sorted(folder.rglob("*.onnx")):
            name = f"{folder.name}/{path.relative_to(folder).with_suffix('')}"
            yield Case("onnx", f"ONNX files of {folder.name}", name, path, "simplify")


def all_cases(arguments):
    cases = []
    for kind in ("pt2", "script"):
        if arguments.kind in (None, kind):
            cases += [*fixture_cases(kind, arguments), *zoo_cases(kind, arguments)]
    if arguments.kind in (None, "onnx"):
        cases += onnx_cases(arguments)
    patterns = patterns_of(arguments)
    return [c for c in cases
            if any(fnmatch.fnmatch(c.name, p) or fnmatch.fnmatch(c.name.split("@")[0], p) for p in patterns)]


# --- running -----------------------------------------------------------------------------------------


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def input_digest(path):
    """The hash of a model and of what lies beside it as its external data."""
    parts = [digest_of(path)]
    if path.suffix == ".onnx":
        parts += [f"{p.name} {digest_of(p)}" for p in sorted(path.parent.glob("*.data"))]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def run_case(onnxport, case, options, folder, timeout=1800):
    """What this build makes of a case, in `folder`, which is empty."""
    out = folder / "model.onnx"
    command = [onnxport, case.command, case.path, *case.options, *options, "-o", out, "-q"]
    try:
        ran = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, errors="replace", timeout=timeout)
        code, error = ran.returncode, ran.stderr
    except subprocess.TimeoutExpired:
        code, error = -1, f"stopped after {timeout} s"
    files = {str(p.relative_to(folder)): digest_of(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    # The same words wherever the model lies, and whenever libtorch warns of something.
    error = error.replace(str(folder), "OUT").replace(str(case.path), case.path.name)
    error = re.sub(r"\[([WE])\d{4} [\d:.]+ ", r"[\1 ", error)
    return Result(code, files, error.strip())


class Kept:
    """The old build's results, one JSON line each, in a file that grows."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.results = {entry.pop("key"): Result(**entry) for entry in json_lines(path)}

    def get(self, key):
        return self.results.get(key)

    def add(self, key, result):
        with self.lock:
            self.results[key] = result
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, **dataclasses.asdict(result)}) + "\n")


class Replay:
    """Runs cases with two builds. `kept` holds what the old one did before."""

    def __init__(self, old, new, kept, differences):
        self.old, self.new, self.kept, self.differences = old, new, kept, differences

    def run(self, case):
        """(old result, new result)."""
        options = case.make(case.path) if case.make else ()
        key = json.dumps([input_digest(case.path), case.command, *case.options, *options])
        with tempfile.TemporaryDirectory() as work:
            folders = Path(work, "new"), Path(work, "old")
            for folder in folders:
                folder.mkdir()
            new = run_case(self.new, case, options, folders[0])
            old = self.kept.get(key)
            if old is None:
                old = run_case(self.old, case, options, folders[1])
                self.kept.add(key, old)
            if old.files != new.files:
                self.leave(case, options, folders)
        return old, new

    def leave(self, case, options, folders):
        """Both sides' files of a case that differs, for a look at them."""
        if not any(folders[1].iterdir()):
            run_case(self.old, case, options, folders[1])
        place = self.differences / case.name.replace("/", "_")
        shutil.rmtree(place, ignore_errors=True)
        for folder in folders:
            shutil.copytree(folder, place / folder.name)


def verdicts(old, new):
    """What is to be said of one case: (word, what) with the words of the table's columns."""
    found = []
    for name in sorted(old.files | new.files):
        if name not in new.files:
            found.append(("only old", name))
        elif name not in old.files:
            found.append(("only new", name))
        else:
            found.append(("same" if old.files[name] == new.files[name] else "different", name))
    if not found:
        found.append(("no file", ""))
    if old.code != new.code or bool(old.error) != bool(new.error):
        found.append(("outcome", f"exit {old.code} and now {new.code}: {new.error or old.error}"))
    elif old.error != new.error:
        found.append(("words differ", f"{old.error}\n    now: {new.error}"))
    return found


WRONG = ("different", "only old", "only new", "outcome", "not run")
COLUMNS = ("same", "different", "only old", "only new", "outcome", "no file", "words differ", "not run")


def table(counts):
    """counts: group -> Counter of COLUMNS and "runs"."""
    rows = ["| set | runs | files | same | different | only old | only new | other exit code |"
            " refused, no file | words differ | not run |",
            "|---|" + "--:|" * 10]
    total = collections.Counter()
    for count in counts.values():
        total.update(count)
    for group, count in [*counts.items(), ("all", total)]:
        files = sum(count[c] for c in ("same", "different", "only old", "only new"))
        cells = [count["runs"], files, *(count[c] for c in COLUMNS)]
        rows.append(f"| {group} | " + " | ".join(map(str, cells)) + " |")
    return rows


def replay(cases, runner, jobs, say):
    """Runs all cases, says what is wrong as it is found; (counts for table(), the words that differ)."""
    counts, words, lock = {case.group: collections.Counter() for case in cases}, [], threading.Lock()
    by_path = collections.defaultdict(list)
    for case in cases:
        by_path[case.path].append(case)

    def note(case, found):
        with lock:
            counts[case.group]["runs"] += 1
            for word, what in found:
                counts[case.group][word] += 1
                if word in WRONG:
                    say(f"{word}: {case.name} {what}")
                elif word == "words differ":
                    words.append(f"{case.name}: {what}")

    def run_all(some):
        delete = some[0].delete and not some[0].path.exists()
        for case in some:
            try:
                note(case, verdicts(*runner.run(case)))
            except Exception as error:  # noqa: BLE001: one model that cannot be made is not the end
                text = (getattr(error, "stderr", None) or str(error)).strip()
                note(case, [("not run", text[-500:])])
        if delete:
            some[0].path.unlink(missing_ok=True)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # One model's cases one after the other: it may have to be made first.
        for done in concurrent.futures.as_completed([pool.submit(run_all, some) for some in by_path.values()]):
            done.result()
    return counts, words


# --- the old build -----------------------------------------------------------------------------------


def git(*words):
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True).stdout.strip()


def built(commit, folder):
    """The command of a commit, built in folder/tree by its own scripts."""
    tree = folder / "tree"
    if not tree.exists():
        git("worktree", "prune")
        git("worktree", "add", "--detach", str(tree), commit)
    subprocess.run([tree / "scripts" / "build", "release"], check=True)
    return tree / "build" / "release" / "onnxport"


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the older commit")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the default")
    size.add_argument("--full", action="store_true")
    parser.add_argument("--only", help="names or patterns of the cases, separated by commas")
    parser.add_argument("--kind", choices=["pt2", "script", "onnx"])
    parser.add_argument("--list", action="store_true", help="only print the cases' names")
    parser.add_argument("--more", type=Path, action="append", default=[],
                        help="a folder with ONNX files to simplify too (bench/simplify_models.py makes one)")
    parser.add_argument("--keep", action="store_true", help="keep the traced models' files")
    parser.add_argument("--old-build", type=Path, help="the folder of a build of that commit")
    parser.add_argument("--new-build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many at a time")
    parser.add_argument("--zoo", type=Path, default=Path(os.environ.get("ONNXPORT_ZOO") or ROOT / "out" / "zoo"))
    return parser.parse_args(argv)


def main(argv=None):
    arguments = parse(argv)
    cases = all_cases(arguments)
    if arguments.list:
        print("\n".join(case.name for case in cases))
        return 0
    if not cases:
        sys.exit(f"nothing is called {arguments.only}: see --list")
    commit = git("rev-parse", "--verify", arguments.commit + "^{commit}")
    folder = Path(os.environ.get("ONNXPORT_REPLAY") or ROOT / "out" / "replay")
    new = arguments.new_build / "onnxport"
    if not new.exists():
        sys.exit(f"{new} is not built: run scripts/build")
    old = arguments.old_build / "onnxport" if arguments.old_build else built(commit, folder / commit)
    if not old.exists():
        sys.exit(f"{old} is not there")
    runner = Replay(old, new, Kept(folder / commit / "results.jsonl"), ROOT / "out" / "replay" / "differences")
    counts, words = replay(cases, runner, arguments.jobs, functools.partial(print, flush=True))
    if words:
        print("\nWords differ:")
        print("\n".join(sorted(words)))
    print(f"\nThis build against {commit[:10]}:\n")
    print("\n".join(table(counts)))
    return 1 if any(count[word] for count in counts.values() for word in WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
