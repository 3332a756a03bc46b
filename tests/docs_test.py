"""The documents name only what is there, and all that has to be found in them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
# Sources, headers and folders as the documents write them: `verify/isolated`, `src/onnx/ops/`.
PATH = re.compile(r"`((?:src/)?[a-z_]+/[a-z0-9_./]+)`")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def anchors(path):
    """The names that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", path.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def missing_links(path):
    missing = []
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists():
            missing.append(f"{path.relative_to(ROOT)}: {link}")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            missing.append(f"{path.relative_to(ROOT)}: {link} (no such heading)")
    return missing


def test_every_link_leads_somewhere():
    assert not [m for path in tracked("*.md") for m in missing_links(path)]


def test_a_link_that_leads_nowhere_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](gone.md) [b](page.md#here) [c](#not-here) [d](https://example.org/x)\n")
    assert missing_links(page) == ["page.md: gone.md", "page.md: #not-here (no such heading)"]


def exists(name):
    """A file of src/, a pair of header and source without its ending, a folder, or a path of the project."""
    layer = (ROOT / name.split("/")[0]).is_dir()
    for base in (ROOT, ROOT / "src"):
        path = base / name.rstrip("/")
        if path.exists() or any(path.with_name(path.name + end).exists() for end in (".h", ".cpp", ".py")):
            return True
    return name.startswith(("build/", "out/")) or not (layer or (ROOT / "src" / name.split("/")[0]).is_dir())


def test_what_the_documents_call_a_file_is_one():
    documents = [*tracked("docs/decisions/*.md", "CONTRIBUTING.md"),
                 *(ROOT / "docs" / f"{name}.md" for name in ("ARCHITECTURE", "debugging", "glossary"))]
    missing = [f"{path.relative_to(ROOT)}: {name}" for path in documents
               for name in PATH.findall(path.read_text()) if not exists(name)]
    assert not missing


def environment_variables():
    """Name -> the files that read it: the command, the build, the scripts and the tests."""
    found = {}
    reads = [
        (tracked("src", "include"), r'\b(?:getenv|environment)\("([A-Z_]+)"\)'),
        (tracked("scripts/*.py", "scripts/tidy", "tests/*.py", "bench/*.py"),
         r'environ(?:\.get\(|\[)"([A-Z_]+)"'),
        # ${NAME:-default}: what is read from outside; other capitals are the shell's own.
        (tracked("scripts", ".ci"), r"\$\{([A-Z][A-Z_]+):?[-+]"),
        (tracked("cmake", "CMakeLists.txt"), r"\$ENV\{([A-Z_]+)\}"),
    ]
    for paths, pattern in reads:
        for path in paths:
            for name in re.findall(pattern, path.read_text(errors="replace")):
                found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_environment_variable_is_in_the_guide():
    found = environment_variables()
    assert {"ONNXPORT_TORCH_PLUGIN", "ONNXPORT_DEPS", "ONNXRUNTIME_ROOT"} <= set(found)
    guide = (ROOT / "docs" / "debugging.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", guide))
    assert not {name: sorted(paths) for name, paths in found.items() if name not in named}


def test_every_decision_is_in_the_index_and_dated():
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(p.name for p in folder.glob("[0-9]*.md"))
    index = (folder / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", index)) == decisions
    for name in decisions:
        title, blank, date, *_ = (folder / name).read_text().splitlines()
        assert title.startswith("# ") and not blank and re.fullmatch(r"\d{4}-\d\d-\d\d", date), name
        assert f"[{title[2:]}]({name})" in index, name
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))
