"""scripts/replay: two made-up builds that write files, and what it says of them."""

import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import onnx_corpus  # noqa: E402
import replay  # noqa: E402
import script_zoo  # noqa: E402
import zoo  # noqa: E402

# Called as `onnxport export IN -o OUT -q`: writes what IN says of this build.
BUILD = """#!{python}
import pathlib, sys
name = "{name}"
pathlib.Path(__file__).with_suffix(".calls").open("a").write("x")
said = dict(line.split("=", 1) for line in open(sys.argv[2]).read().splitlines())
if text := said.get(name, said.get("both")):
    pathlib.Path(sys.argv[sys.argv.index("-o") + 1]).write_text(text)
if data := said.get(name + "_data"):
    pathlib.Path(sys.argv[sys.argv.index("-o") + 1] + ".data").write_text(data)
if error := said.get(name + "_error"):
    print(f"error: {{error}}, in {{sys.argv[-2]}}", file=sys.stderr)
sys.exit(int(said.get(name + "_exit", "0")))
"""


@pytest.fixture
def replayed(tmp_path):
    """replayed(name=what the builds write, ...) -> (counts, what was said, words)"""
    builds = []
    for name in ("old", "new"):
        path = tmp_path / name
        path.write_text(BUILD.format(python=sys.executable, name=name))
        path.chmod(0o755)
        builds.append(path)

    def run(**texts):
        cases = []
        for name, text in texts.items():
            path = tmp_path / f"{name}.txt"
            path.write_text(text)
            cases.append(replay.Case("onnx", "made up", name, path))
        kept = replay.Kept(tmp_path / "results.jsonl")
        runner = replay.Replay(*builds, kept, tmp_path / "differences")
        said = []
        counts, words = replay.replay(cases, runner, 2, said.append)
        return counts["made up"], said, words

    run.folder = tmp_path
    return run


def test_files_that_are_the_same_are_counted_and_not_listed(replayed):
    counts, said, words = replayed(a="both=1", b="both=2\nold_data=d\nnew_data=d")
    assert counts == {"runs": 2, "same": 3}
    assert said == [] and words == []


@pytest.mark.parametrize(
    "text, column, said",
    [
        ("old=1\nnew=2", "different", "different: a model.onnx"),
        ("both=1\nold_data=1\nnew_data=2", "different", "different: a model.onnx.data"),
        ("both=1\nold_data=1", "only old", "only old: a model.onnx.data"),
        ("new=1", "only new", "only new: a model.onnx"),
        ("both=1\nnew_exit=1", "outcome", "outcome: a exit 0 and now 1: "),
        ("old_error=no\nold_exit=1\nnew_exit=1", "outcome", "outcome: a exit 1 and now 1: error: no, in OUT/model.onnx"),
    ],
)
def test_what_differs_is_listed_and_is_wrong(replayed, text, column, said):
    counts, heard, words = replayed(a=text)
    assert counts[column] == 1 and heard == [said] and words == []
    assert column in replay.WRONG


def test_another_wording_of_the_same_refusal_is_listed_apart_and_is_not_wrong(replayed):
    same = "old_exit=1\nnew_exit=1\nold_error=no\nnew_error=no"
    counts, said, words = replayed(a=same, b=same.replace("new_error=no", "new_error=never"))
    assert counts == {"runs": 2, "no file": 2, "words differ": 1} and said == []
    assert words == ["b: error: no, in OUT/model.onnx\n    now: error: never, in OUT/model.onnx"]
    assert not set(counts) & set(replay.WRONG)


def test_the_same_words_at_another_time_of_another_model_s_folder_are_the_same(replayed):
    text = "old_error={0}[W1128 16:39:36.456 a.cpp:4] hm\nnew_error={0}[W1129 09:00:01.2 a.cpp:4] hm"
    assert replayed(a=text.format(replayed.folder / "a.txt"))[0] == {"runs": 1, "no file": 1}


def test_the_old_build_runs_once_for_a_model_and_again_when_the_model_is_another(replayed):
    calls = replayed.folder / "old.calls"
    replayed(a="both=1")
    assert replayed(a="both=1")[0] == {"runs": 1, "same": 1}
    assert calls.read_text() == "x"
    replayed(a="both=2")
    assert calls.read_text() == "xx"


def test_both_files_of_a_difference_are_kept_although_the_old_build_s_result_was(replayed):
    replayed(a="old=1\nnew=2")
    folder = replayed.folder / "differences" / "a"
    (folder / "old" / "model.onnx").unlink()
    replayed(a="old=1\nnew=2")
    assert [(folder / side / "model.onnx").read_text() for side in ("old", "new")] == ["1", "2"]


def test_a_model_that_cannot_be_made_is_not_run_and_the_others_are(tmp_path):
    class Runner:
        def run(self, case):
            if case.name == "bad":
                raise RuntimeError("out of luck")
            return [replay.Result(0, {"model.onnx": "1"}, "")] * 2

    cases = [replay.Case("pt2", "g", name, tmp_path / name) for name in ("bad", "good")]
    said = []
    counts, _ = replay.replay(cases, Runner(), 1, said.append)
    assert counts["g"] == {"runs": 2, "not run": 1, "same": 1} and said == ["not run: bad out of luck"]
    assert "not run" in replay.WRONG


@pytest.mark.parametrize("was_there", [False, True])
def test_a_model_that_was_made_for_its_cases_is_deleted_after_the_last(tmp_path, was_there):
    path = tmp_path / "model.pt"
    if was_there:
        path.touch()
    seen = []

    class Runner:
        def run(self, case):
            path.touch()
            seen.append(len(seen))
            return replay.Result(0, {"model.onnx": "1"}, ""), replay.Result(0, {"model.onnx": "1"}, "")

    cases = [replay.Case("script", "g", f"m@{i}", path, delete=True) for i in (13, 17)]
    replay.replay(cases, Runner(), 2, print)
    assert seen == [0, 1] and path.exists() == was_there


def test_the_table_has_a_row_for_each_set_and_one_for_all():
    counts = {"a": {"runs": 2, "same": 3, "different": 1}, "b": {"runs": 1, "no file": 1, "words differ": 1}}
    rows = replay.table({k: replay.collections.Counter(v) for k, v in counts.items()})
    assert rows[2:] == [
        "| a | 2 | 4 | 3 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |",
        "| b | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1 | 1 | 0 |",
        "| all | 3 | 4 | 3 | 1 | 0 | 0 | 0 | 1 | 1 | 0 |",
    ]
    assert [row.count("|") for row in rows] == [12] * 5


def test_the_quick_set_names_models_that_there_are():
    assert set(replay.QUICK_MODELS) <= set(zoo.entries())
    assert set(replay.OPSET_MODELS) <= set(zoo.entries())
    assert set(replay.QUICK_SCRIPTS) | set(replay.VERIFIED_SCRIPTS) <= set(script_zoo.entries())
    for kind, folders in replay.QUICK_FOLDERS.items():
        for folder in folders:
            assert (replay.FIXTURES / kind / folder).is_dir()


def test_the_full_set_has_every_model_and_every_fixture():
    cases = replay.all_cases(replay.parse(["HEAD", "--full", "--kind", "pt2"]))
    cases += replay.all_cases(replay.parse(["HEAD", "--full", "--kind", "script"]))
    names = {case.name.split("@")[0] for case in cases}
    assert {*zoo.entries(), *script_zoo.entries()} <= names
    fixtures = [*replay.FIXTURES.glob("pt2/*/*.pt2"), *replay.FIXTURES.glob("script/*/*.pt")]
    assert len(fixtures) > 250
    assert {str(path.relative_to(replay.FIXTURES.parent).with_suffix("")) for path in fixtures} <= names
    assert {case.name for case in cases if case.name.startswith("tv_swin_t@")} == {f"tv_swin_t@{o}" for o in range(13, 24)}


def test_patterns_choose_cases_with_or_without_their_opset():
    def chosen(pattern):
        return [case.name for case in replay.all_cases(replay.parse(["HEAD", "--kind", "pt2", "--only", pattern]))]

    assert chosen("dinov3_vits16") == [f"dinov3_vits16@{o}" for o in (13, 17, 20, 23)]
    assert chosen("dinov3_*@20") == ["dinov3_vits16@20"]
    assert chosen("nothing") == []


@pytest.mark.parametrize(
    "pattern, fetched",
    [("onnx/test_relu", True), ("on*relu", True), ("*relu", True), ("tv_*", False), ("onnx", False), ("dinov3_vits16", False)],
)
def test_the_backend_tests_are_fetched_only_for_patterns_that_may_mean_one(monkeypatch, pattern, fetched):
    calls = []
    monkeypatch.setattr(onnx_corpus, "fetch", lambda: calls.append("fetch"))
    monkeypatch.setattr(onnx_corpus, "models", lambda folder: [("test_relu", ROOT / "model.onnx")])
    names = [case.name for case in replay.all_cases(replay.parse(["HEAD", "--only", pattern]))]
    assert (calls == ["fetch"]) == fetched and ("onnx/test_relu" in names) == fetched
