"""The lowering rules against libtorch: their schema lines, and that a wrong rule is caught."""

import pytest
import torch
from conftest import dev
from torch import nn


@pytest.fixture(scope="module")
def lines():
    done = dev("schemas")
    assert done.code == 0, done.err
    found = done.out.splitlines()
    assert len(found) > 100
    return found


def without_aliases(text):
    """Our lines may leave out `(a)`: it says nothing to a rule on a functional program."""
    import re

    return re.sub(r"\((?:[a-z*]|[a-z]!)(?: -> [^)]*)?\)", "", text)


def test_every_schema_line_is_libtorchs_own(lines):
    wrong = []
    for line in lines:
        name = line.split("(")[0]
        base, _, overload = name.partition(".")
        if not base.startswith("aten::"):
            continue  # torchvision's and our own operators
        own = [
            str(schema)
            for schema in torch._C._jit_get_schemas_for_operator(base)
            if schema.overload_name == overload
        ]
        if not own:
            wrong.append(f"{name}: libtorch has no such overload")
        elif without_aliases(line) != without_aliases(own[0]):
            wrong.append(f"{name}:\n  ours:     {line}\n  libtorch: {own[0]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("rule", ["aten::relu", "aten::gelu"])
def test_a_wrong_rule_is_caught_and_its_node_named(save, tmp_path, rule):
    torch.manual_seed(0)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(8, 8)
            self.act = nn.ReLU() if rule == "aten::relu" else nn.GELU()
            self.fc2 = nn.Linear(8, 8)

        def forward(self, x):
            return self.fc2(self.act(self.fc1(x)))

    out = tmp_path / "model.onnx"
    done = dev("wrong-rule", rule, save(Model(), torch.randn(2, 8)), out)
    assert done.code == 1, done.text
    assert "Failed ✗" in done.out
    assert f"from {rule} in module act at rules_test.py:" in done.out, done.out
    assert not out.exists()
