"""Every builtin of TorchScript (src/torchscript/builtins), by family: small modules that use them all.

A new builtin needs a line in one of the modules here: a test holds that none is without.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import conftest
import numpy as np
import onnxruntime
import pytest
import torch
import zoo
from script_runs import export, passed  # noqa: F401
from torch import Tensor, nn

PLUGIN = Path(os.environ.get("ONNXPORT_TORCH_PLUGIN") or conftest.COMMAND.parent / "onnxport_torch.so")


class Lists(nn.Module):
    def forward(self, x):
        a = [x, x + 1.0]
        a.append(x * 2.0)
        a.extend([x * 3.0, x * 4.0])
        a.insert(1, x * 5.0)
        last = a.pop()
        del a[0]
        a.reverse()
        a[0] = a[0] - 1.0
        b = a.copy()
        b.clear()
        c = list(a)
        c += [last]
        d = c + [x]
        e = d[1:3] * 2
        first, second = [d[-1], e[0]]
        return torch.stack(e), torch.cat(d, 1), first, second, len(d), len(b), d == c, d != c


class Tuples(nn.Module):
    def three(self, x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        return x, x + 1.0, x + 2.0

    def forward(self, x):
        found = self.three(x)
        a, b, c = found
        pair = (x, x * 3.0)
        for i in range(2):
            a = a + pair[i]
        return a, b * c, found[1:]


class Dicts(nn.Module):
    def forward(self, x):
        a: Dict[str, Tensor] = {"one": x, "two": x * 2.0}
        a["three"] = x * 3.0
        b = a.copy()
        b.update({"four": x * 4.0})
        c = dict(b)
        six = c.setdefault("six", x * 6.0)
        four = c.pop("four")
        del c["one"]
        found = c.get("seven")
        if found is None:
            found = x * 7.0
        keys, values = list(c.keys()), list(c.values())
        total = x
        for key, value in c.items():
            total = total + value * float(len(key))
        b.clear()
        return total, four, six, found, a["three"], values[0], len(keys), "two" in c, len(b)


@torch.jit.script
class Pair:
    def __init__(self, first: Tensor, second: Tensor):
        self.first = first
        self.second = second

    def total(self):
        return self.first + self.second


@torch.jit.script
def doubled(x: Tensor) -> Tensor:
    return x * 2.0


class Structure(nn.Module):
    """Attributes, objects, calls, None checks, exceptions, and what a file does without."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.count = 0

    def helper(self, x: Tensor, y: Optional[Tensor]) -> Tensor:
        if y is not None:
            x = x + y
        if isinstance(y, Tensor):
            x = x * 2.0
        return x

    def early(self, x: Tensor, n: int) -> Tensor:
        for i in range(3):
            if i == n:
                return x * float(i)
        raise ValueError("not here")

    def forward(self, x):
        self.count = self.count + 1
        y = self.layer(x)
        optional: Optional[Tensor] = y
        z = self.helper(Pair(x, y).total(), None) + self.helper(x, torch.jit._unwrap_optional(optional))
        z = doubled(z) + self.early(x, 2) + x.data
        torch.ops.aten.set_grad_enabled(False)
        where = "cpu" if x.size(0) > 0 else "cuda"
        flags = [x.is_cuda, x.is_meta, x.is_quantized, x.is_sparse, x.is_nested, x.is_mkldnn, x.is_xla, x.is_xpu]
        flags += [x.is_mps, x.requires_grad, torch.is_grad_enabled(), torch.is_autocast_enabled()]
        flags += [torch.is_autocast_cpu_enabled()]
        for flag in flags:
            if flag:
                z = z + 100.0
        if x.is_cpu and x.device == torch.device(where):
            z = z + torch.ones([4], device=x.device)
        return z


class Numbers(nn.Module):
    """Sizes, numbers from tensors and tensors from numbers, all of them known."""

    def forward(self, x):
        n = x.size(0) + x.dim() + x.numel() + len(x.size())
        known = torch.tensor([3, 5])
        i = int(known[0]) + int(torch.tensor(2.5)) + int(torch.ops.aten.item(known[1]))
        i += int(torch.ops.aten._local_scalar_dense(known[0])) + torch.ops.aten.IntImplicit(known[0])
        f = float(known[1]) + torch.ops.aten.FloatImplicit(torch.tensor(0.5))
        b = bool(known[0] > 1) and torch.ops.aten.is_nonzero(known[1])
        rows: List[int] = known.tolist()
        made = torch.tensor([f, 2.0])
        also = torch.as_tensor(n) + torch.ops.prim.NumToTensor(n)
        y = torch.add(x, torch.ops.aten.ScalarImplicit(known[1]))
        return y.reshape(-1)[: rows[0]], made, also, torch.full([x.size(0), rows[0]], f), i, b


class Data(nn.Module):
    """Numbers that only the data tells."""

    def forward(self, x):
        n = int(x.abs().sum() * 0.01) + 3
        y = (x + n - float(x.mean())) * n / (n + 7)
        y = torch.pow(y.abs() + 1.0, n - 1)
        flags = [y < n, y <= n, y > n, y >= n, y == n, y != n]
        if bool(x.sum() > 0.0):
            y = y + 1.0
        k = 0
        while bool(y.abs().max() > 1.0) and k < 20:
            y = torch.sub(y, n) * 0.5
            k += 1
        return y, torch.stack(flags), torch.equal(x, x + 0.0), k


class Masks(nn.Module):
    """Sizes that only the data tells."""

    def forward(self, x):
        return (
            x[x[:, 0] > 0.0],
            torch.nonzero(x > 0.5),
            torch.argwhere(x > 0.25),
            torch.ops.aten.nonzero_numpy(x > 0.5)[0],
            torch.where(x > 0.1)[0],
            x.masked_select(x > 0.0),
        )


class Unlowered(nn.Module):
    """Sizes that only the data tells, of operators that are read, but have no rule that lowers them."""

    def forward(self, x):
        ids = (x[:, 1] * 3.0).to(torch.int64)
        values, inverse = torch.ops.aten._unique(ids, True, True)
        ordered, back, counts = torch.ops.aten._unique2(ids, True, True, True)
        rows = torch.unique(ids.reshape(-1, 1), dim=0)
        repeated = x.repeat_interleave(ids.abs(), dim=0)
        return values, ordered + counts, torch.unique_consecutive(ids), rows * 2, repeated[:, :2]


UNLOWERED = {
    "aten::_unique", "aten::_unique2", "aten::unique_consecutive", "aten::unique_dim",
    "aten::repeat_interleave.self_Tensor",
}


class Tensors(nn.Module):
    """Calls that stand for another, or for none."""

    def forward(self, x):
        y = x.cpu().to("cpu").to(torch.float64).to(x)
        rows: List[Tensor] = []
        for i in range(x.size(0)):
            rows.append(x[i] * 2.0)
        return y, torch.stack(rows), torch.cat(rows)


class Elsewhere(nn.Module):
    """What the reference does not do on this machine, or does aloud."""

    def forward(self, x):
        print("seen")
        torch.ops.aten.warn("watch out", 2)
        return x.cuda() + 1.0


class Boxes(nn.Module):
    def forward(self, x):
        corners = x.abs()[:, :2]
        boxes = torch.cat([corners, corners + 1.0], 1)
        return torch.ops.torchvision.nms(boxes, x[:, 3], 0.5)


class Folded(nn.Module):
    """What libtorch replaces while it loads an archive."""

    def maybe(self, x: Optional[Tensor]) -> Tensor:
        return torch.ops.prim.unchecked_unwrap_optional(x)

    def forward(self, x):
        if torch._C._has_torch_function((x,)) or not torch.jit.is_scripting():
            x = x + 1.0
        return torch.concat([x, self.maybe(x)]), (x, x + 1.0, x + 2.0)[1:]


FOLDED = {
    "aten::concat", "aten::has_torch_function", "aten::is_scripting", "prim::TupleSlice",
    "prim::unchecked_unwrap_optional",
}


def layer():
    return nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval()


class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


def traced(module):
    with torch.no_grad():
        return torch.jit.trace(module.eval(), torch.rand(2, 7, 32), check_trace=False)


def scripted(module):
    zoo._import_torchvision()  # nms has a schema
    torch.manual_seed(3)
    return torch.jit.script(module().eval())


MODULES = {
    **{m.__name__: lambda m=m: scripted(m) for m in (
        Lists, Tuples, Dicts, Structure, Numbers, Data, Masks, Tensors, Boxes, Folded)},
    "Encoder": lambda: traced(nn.TransformerEncoder(layer(), 1)),
    "Attend": lambda: traced(Attend()),
}
SHAPES = {"Encoder": "2,7,32", "Attend": "2,7,32"}
OTHERS = {m.__name__: lambda m=m: scripted(m) for m in (Unlowered, Elsewhere)}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_this_family_passes(export, name):
    passed(export(MODULES[name](), "--input-shape", SHAPES.get(name, "6,4"))[0])


def test_operators_without_a_rule_are_read_and_named(export):
    report, _ = export(OTHERS["Unlowered"](), "--input-shape", "6,4")
    named = set(re.findall(r"^  (aten::\S+)  1x", report["error"], re.M))
    assert report["outcome"] == "refused" and named == UNLOWERED, report["error"]


def test_a_module_on_another_device_is_one_on_the_cpu_in_the_file(export):
    report, path = export(OTHERS["Elsewhere"](), "--input-shape", "6,4", "--no-verify")
    assert report["outcome"] == "passed", report
    x = torch.rand(3, 4)
    got = onnxruntime.InferenceSession(path).run(None, {"input": x.numpy()})[0]
    np.testing.assert_array_equal(got, (x + 1.0).numpy())


def kinds(module, path):
    """The kinds of nodes in all code of the archive, as libtorch loads it."""
    module.save(str(path))
    loaded, found = torch.jit.load(str(path)), set()

    def walk(block):
        for node in block.nodes():
            found.add(node.kind())
            for inner in node.blocks():
                walk(inner)

    walk(loaded.inlined_graph)
    for part in loaded.modules():
        for method in part._c._method_names():
            walk(part._c._get_method(method).graph)
    return found


def builtins():
    """The names of all builtins. (In a process of its own: the plugin has operators that torchvision has.)"""
    script = (
        "import ctypes, sys; names = ctypes.CDLL(sys.argv[1]).onnxport_script_builtins;"
        "names.restype = ctypes.c_char_p; print(names().decode())"
    )
    done = subprocess.run([sys.executable, "-c", script, PLUGIN], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_no_builtin_is_without_a_module_that_uses_it(tmp_path):
    used = {n: kinds(make(), tmp_path / f"{n}.pt") for n, make in {**MODULES, **OTHERS}.items()}
    missing = builtins() - set().union(*used.values())
    assert missing == FOLDED, "add a line that uses it to a module of this file"
