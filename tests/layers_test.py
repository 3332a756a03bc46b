"""A layer includes only what stands to its left in docs/ARCHITECTURE.md's order."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
# Only the plugin knows libtorch.
PLUGIN = {"torchscript", "torch_plugin"}
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")


def order_in(text):
    line = next(l for l in text.splitlines() if re.match(r"\s+base\s+<", l))
    return [[layer.strip() for layer in step.split(",")] for step in line.split("<")]


def order():
    return order_in((ROOT / "docs" / "ARCHITECTURE.md").read_text())


def allowed():
    """Layer -> the layers it may include. Those of one step do not know each other."""
    seen, result = set(), {}
    for step in order():
        for layer in step:
            result[layer] = seen | {layer}
        seen = seen | set(step)
    # Verification compares what was written: it must not share code with what wrote it.
    result["verify"] -= {"read", "lower", "simplify"}
    # What is compiled into the plugin.
    result["torchscript"] = {"base", "formats", "aten", "libtorch", "torchscript"}
    result["torch_plugin"] = result["torchscript"] | {"torch_plugin"}
    return result


def sources():
    return sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in (".cpp", ".h"))


def layer_of(path):
    return path.relative_to(ROOT / "src").parts[0]


def test_every_folder_is_a_layer():
    folders = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
    assert folders <= set(allowed())


@pytest.mark.parametrize("layer", sorted(allowed()))
def test_layer_includes_only_what_stands_to_its_left(layer):
    wrong = []
    for path in sources():
        if layer_of(path) != layer:
            continue
        may = allowed()[layer]
        if path.stem.endswith("_test"):
            may = set().union(*(s for k, s in allowed().items() if k not in PLUGIN)) | {layer}
        for bracket, name in INCLUDE.findall(path.read_text()):
            where = f"{path.relative_to(ROOT)} includes {name}"
            if TORCH.match(name) and layer not in PLUGIN:
                wrong.append(f"{where}: only the plugin may")
            if bracket != '"':
                continue
            if name.startswith("onnxport/"):
                if layer not in ("options", "pipeline", "report", "cli", "library") and not path.stem.endswith("_test"):
                    wrong.append(f"{where}: the public headers belong to options and above")
            elif "/" in name and name.split("/")[0] not in may:
                wrong.append(where)
            elif "/" not in name and not (path.parent / name).exists():
                wrong.append(f"{where}: no such file; includes name the layer")
    assert not wrong, "\n".join(wrong)


def test_files_stay_short():
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources()
        if (n := len(p.read_text().splitlines())) > 700
    }
    assert not long, f"split these families (lines): {long}"
