"""What scripts/sweep writes of the models that do not pass."""

import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import sweep  # noqa: E402


@pytest.mark.parametrize(
    "error, written",
    [
        ("/home/me/zoo/a_b.pt: aten::topk at r.py:5", "a_b.pt: aten::topk at r.py:5"),
        ("out/zoo/a.pt2: the file ends early", "a.pt2: the file ends early"),
        ("../x-y/a.failed.onnx differs from '/tmp/a.pt'", "a.failed.onnx differs from 'a.pt'"),
        ("crashed: exit 1: at /opt/some lib/torch/nn.py:3", "crashed: exit 1: at /opt/some nn.py:3"),
        ("input/output 3 of and/or is 1/2 at layer4/conv1", "input/output 3 of and/or is 1/2 at layer4/conv1"),
    ],
)
def test_a_reason_names_files_without_the_folders_they_lay_in(error, written):
    results = {("m", 17): {"outcome": "refused", "error": error}}
    assert sweep.problems(results) == [f"- `m` at opset 17: refused: {written}"]


def test_no_table_names_a_folder_of_the_machine_that_made_it():
    reasons = [
        line
        for table in sorted((ROOT / "docs").glob("coverage*.md"))
        for line in table.read_text().splitlines()
        if line.startswith("- `")
    ]
    for line in reasons:
        assert sweep.without_folders(line) == line
