"""TorchScript archives whose code would do more than compute: refused by what it calls, however that is
written, before libtorch compiles or runs anything of it."""

import subprocess
import sys
import time
import zipfile

import pytest
import torch

HEAD = """class M(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
"""
FORWARD = """  def forward(self: __torch__.M,
    x: Tensor) -> Tensor:
"""
PLAIN = b"\x80\x02c__torch__\nM\n)\x81}X\x08\x00\x00\x00trainingq\x01\x89sb."
STATE = b"\x80\x02c__torch__\nM\n)\x81K\x05b."  # __setstate__(5)


def archive(path, code, pickle=PLAIN, more=()):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("base/data.pkl", pickle)
        made.writestr("base/code/__torch__.py", code)
        made.writestr("base/constants.pkl", b"\x80\x02).")
        made.writestr("base/version", b"3\n")
        for name, text in more:
            made.writestr("base/" + name, text)
    return path


def forward(body, more=""):
    return HEAD + FORWARD + "".join(f"    {line}\n" for line in body.split("\n")) + more


def state(body, more=""):
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    methods = f"""  def __getstate__(self: __torch__.M) -> int:
    return 1
  def __setstate__(self: __torch__.M,
    state: int) -> NoneType:
    self.training = False
{lines}    return None
"""
    return HEAD + methods + FORWARD + "    return torch.relu(x)\n" + more


@pytest.fixture
def refused(onnxport, tmp_path):
    """refused(code, *words): exit 1 in seconds, the words are said, and nothing was written or made."""

    def run(code, *words, **parts):
        marker = tmp_path / "canary"
        path = archive(tmp_path / "evil.pt", code.replace("CANARY", str(marker)), **parts)
        began = time.time()
        ran = onnxport("export", path, "-o", tmp_path / "model.onnx", "--input-shape", "2,4", timeout=120)
        assert ran.code == 1 and time.time() - began < 60, ran.text
        assert "libtorch:" not in ran.text and "Sanitizer" not in ran.text, ran.text
        for word in words:
            assert word in ran.text, ran.text
        assert not marker.exists() and not (tmp_path / "model.onnx").exists()

    return run


SAVE = [
    'torch.save (x, "CANARY")',
    'torch . save(x, "CANARY")',
    '(torch).save(x, "CANARY")',
    '(torch.save)(x, "CANARY")',
    'ops.aten.save (x, "CANARY")',
    'ops . aten . save(x, "CANARY")',
    "torch.save(\n      x, \"CANARY\")",
    "torch.\\\n      save(x, \"CANARY\")",
    '_0 = [""" " """, torch.format("{}", torch.save(x, "CANARY"))]',
    "_0 = ['\\'', torch.save(x, \"CANARY\")]",
    '_0 = torch.save\n_1 = _0(x, "CANARY")',
    '_0 = torch\n_1 = _0.save(x, "CANARY")',
    '_0 = ops.aten\n_1 = _0.save(x, "CANARY")',
    'getattr(torch, "save")(x, "CANARY")',
    'getattr(ops, "aten").save(x, "CANARY")',
    'getattr(x, "save")("CANARY")',
    'getattr(x, "sa" "ve")("CANARY")',
    'getattr(x, "sa\\x76e")("CANARY")',
    '(x).save("CANARY")',
    '_0 = (x).save\n_1 = _0("CANARY")',
    '[x][0].save("CANARY")',
    '(self.training).save("CANARY")',
    '_0 = (torch.relu(x), 1)[0].save("CANARY")',
    'torch.autograd.save(x, "CANARY")',
    'if False:\n  torch.save(x, "CANARY")\nelse:\n  pass',
    'if False:\n  getattr = x\nelse:\n  pass\n_0 = getattr(x, "save")("CANARY")',
    'y = [torch.save(x, "CANARY") for i in range(2)]',
    'y = {"a": torch.save(x, "CANARY")}',
    'y = x[torch.save(x, "CANARY")]',
    'y = x if False else torch.save(x, "CANARY")',
    'raise torch.save(x, "CANARY")',
    'assert torch.save(x, "CANARY")',
    'with torch.save(x, "CANARY"):\n  pass',
    'x = torch.from_file ("CANARY", True, 4)',
    'x = ops.aten.from_file("CANARY", True, 4)',
    'fork(torch.relu, x)',
    '_0 = fork\n_1 = _0(torch.relu, x)',
    'ops.c10d.barrier(x)',
    'ops.prim.rpc_sync("a", "b", ())',
    'y = id(x)',
    'y = hash(x)',
    'torch.manual_seed(1)',
    'torch.set_num_threads(100)',
    'y = __torch__.torch.classes.profiler._RecordFunction.__new__(__torch__.torch.classes.profiler._RecordFunction)',
]


@pytest.mark.parametrize("body", SAVE)
def test_what_reaches_outside_is_refused_however_it_is_written(refused, body):
    refused(forward(body + "\nreturn x"), "__torch__.py", "line")


@pytest.mark.parametrize(
    "code",
    [
        HEAD + FORWARD.replace("x: Tensor", 'x: Tensor, y: Optional[int]=torch.save(1, "CANARY")') + "    return x\n",
        HEAD + '  y : Final[int] = torch.save(1, "CANARY")\n' + FORWARD + "    return x\n",
        HEAD + "  y : Final[List[int]] = [i for i in range(1000000000000)]\n" + FORWARD + "    return x\n",
        HEAD + '  y : Final[str] = torch.mul("x", 1000000000000)\n' + FORWARD + "    return x\n",
        HEAD + FORWARD.replace("x: Tensor", "x: Tensor, y: int=__torch__.f()") + "    return x\ndef f() -> int:\n    return 1\n",
    ],
    ids=["default", "constant", "comprehension", "text", "function"],
)
def test_values_that_libtorch_would_compute_while_it_loads_are_refused(refused, code):
    refused(code, "line")


SPIN = """  def spin(self: __torch__.M) -> int:
    i = 0
    while True:
      i = torch.add(i, 1)
    return i
"""


@pytest.mark.parametrize(
    "body",
    [
        "(self).spin()",
        "_0 = (self).spin\n_1 = _0()",
        'getattr(self, "spin")()',
        "_0 = __torch__.M.__new__(__torch__.M)\n_1 = (_0).spin()",
        "_0 = [self][0].spin()",
        "while True:\n  pass",
        "for i in range(1000000000000):\n  pass",
        "a = [i for i in range(1000000000000)]",
        "a = torch.ones([1500, 1000000])",
        'a = "x"\na = torch.add(a, a)',
        'a = "x"\na = a + a',
        'a = "x"\na += a',
        "a = torch.mul([1], 1000000000000)",
        "a = annotate(List[int], [])\n_0 = torch.append(a, 1)",
        'a = ("x").ljust(1000000000000)',
        "a = list(range(1000000000000))",
        "a = range(3)",
        "_0 = __torch__.spin()",
    ],
)
def test_what_could_take_long_while_the_archive_is_loaded_is_refused(refused, body):
    function = "def spin() -> int:\n    while True:\n      pass\n    return 1\n"
    words = () if "for i in" in body and "[" in body else ("while the archive is loaded (__setstate__)",)
    refused(state(body, SPIN + function), *words, pickle=STATE)


def test_a_state_that_is_taken_apart_is_read(onnxport, tmp_path):
    code = state("a = [state, 2]\nb, c, = a\nif torch.eq(b, 5):\n  self.training = True\nelse:\n  pass")
    path = archive(tmp_path / "good.pt", code, STATE)
    ran = onnxport("export", path, "-o", tmp_path / "model.onnx", "--input-shape", "2,4")
    assert ran.code == 0 and "Passed" in ran.out, ran.text


def functions(count, body):
    """forward() calls f0; body(i) is that of function i, None for the last."""
    code = forward("return __torch__.f0(x)")
    for i in range(count):
        code += f"def f{i}(x: Tensor) -> Tensor:\n    return {body(i) if i < count - 1 else 'torch.relu(x)'}\n"
    return code


TWICE = {
    "functions": "__torch__.f{next}(__torch__.f{next}(x))",
    "names": "(__torch__.f{next})((__torch__.f{next})(x))",
}


@pytest.mark.parametrize("form", TWICE)
def test_an_expansion_is_counted_before_it_is_made(refused, form):
    body = functions(41, lambda i: TWICE[form].format(next=i + 1))
    refused(body, "becomes larger than", "__torch__.f")


def test_an_expansion_by_an_alias_is_counted(refused):
    code = forward("return __torch__.f0(x)")
    for i in range(41):
        call = f"_0 = __torch__.f{i + 1}\n    y = _0(x)\n    return _0(y)" if i < 40 else "return x"
        code += f"def f{i}(x: Tensor) -> Tensor:\n    {call}\n"
    refused(code, "becomes larger than")


@pytest.mark.parametrize(
    "alias, words",
    [
        ("if True:\n      f = __torch__.f{next}\n    else:\n      pass", "two functions"),
        ("if True:\n      f = __torch__.f{next}\n    else:\n      f = __torch__.last", "two functions"),
        ("f : Any = __torch__.f{next}", "becomes larger than"),
        ("f = g = __torch__.f{next}", "becomes larger than"),
    ],
)
def test_an_expansion_by_an_alias_that_is_changed_is_counted(refused, alias, words):
    code = forward("return __torch__.f0(x)") + "def last(x: Tensor) -> Tensor:\n    return x\n"
    for i in range(41):
        body = f"f = __torch__.last\n    {alias.format(next=i + 1)}\n    return f(f(x))" if i < 40 else "return x"
        code += f"def f{i}(x: Tensor) -> Tensor:\n    {body}\n"
    refused(code, words)


def methods(count, call, last="torch.relu(x)"):
    code = HEAD + FORWARD + "    return (self).f0(x)\n"
    for i in range(count):
        body = call.format(next=i + 1) if i < count - 1 else last
        code += f"  def f{i}(self: __torch__.M, x: Tensor) -> Tensor:\n    return {body}\n"
    return code


def test_an_expansion_of_methods_is_counted(refused):
    refused(methods(41, "(self).f{next}((self).f{next}(x))"), "becomes larger than", "__torch__.M.f")


def test_an_expansion_through_a_list_of_objects_is_counted(refused):
    call = "([self][0]).f{next}((getattr(self, \"training\"), self)[1].f{next}(x))"
    refused(methods(41, call), "becomes larger than")


def test_an_expansion_by_operators_of_a_class_is_counted(refused):
    code = forward("a = __torch__.C0.__new__(__torch__.C0)\nb = [a]\nreturn b[0] + b[0]")
    for i in range(41):
        inner = f"c = __torch__.C{i + 1}.__new__(__torch__.C{i + 1})\n    return [[c + c], [c + c]][0][0]"
        code += f"class C{i}:\n  def __add__(self, x: __torch__.C{i}) -> Tensor:\n    {inner if i < 40 else 'return torch.ones([1])'}\n"
    refused(code)


def test_small_code_called_often_is_read(onnxport, tmp_path):
    path = archive(tmp_path / "good.pt", functions(6, lambda i: TWICE["functions"].format(next=i + 1)))
    ran = onnxport("export", path, "-o", tmp_path / "model.onnx", "--input-shape", "2,4")
    assert ran.code == 0 and "Passed" in ran.out, ran.text


@pytest.mark.parametrize("count", [400, 30_000])
def test_a_chain_of_calls_is_refused_before_libtorch_follows_it(refused, count):
    refused(functions(count, lambda i: f"__torch__.f{i + 1}(x)"), "chain of more than" if count == 400 else "functions")
    refused(methods(count, "(self).f{next}(x)"), "chain of more than" if count == 400 else "functions")


def test_a_chain_of_classes_is_refused(refused):
    code = HEAD + "  c : __torch__.C0\n" + FORWARD + "    return x\n"
    for i in range(30_000):
        code += f"class C{i}:\n  c : {f'__torch__.C{i + 1}' if i < 29_999 else 'int'}\n"
    refused(code, "chain of more than")


def test_a_chain_of_100_calls_is_read(onnxport, tmp_path):
    path = archive(tmp_path / "good.pt", functions(100, lambda i: f"__torch__.f{i + 1}(x)"))
    ran = onnxport("export", path, "-o", tmp_path / "model.onnx", "--input-shape", "2,4")
    assert ran.code == 0, ran.text


def test_very_many_functions_are_refused_in_seconds(refused):
    code = forward("\n".join(f"x = __torch__.f{i}(x)" for i in range(100_000)) + "\nreturn x")
    code += "".join(f"def f{i}(x: Tensor) -> Tensor:\n    return torch.relu(x)\n" for i in range(100_000))
    refused(code, "functions and methods")


def test_a_chain_of_elifs_is_refused(refused):
    body = "if False:\n  pass\n" + "elif False:\n  pass\n" * 100_000 + "else:\n  pass\nreturn x"
    refused(forward(body), "nested too deep")


@pytest.mark.parametrize(
    "body, words",
    [
        ("return x # type: (Tensor) -> Tensor", "types in a comment"),
        ("\treturn x", "0x09"),
        ("return \x0cx", "0x0c"),
        ("return x;", "`;`"),
        ("y = True\nreturn x if not input else x", "not in"),
        ("def f(x):\n  return x\nreturn f(x)", "inside a function"),
        ("global x\nreturn x", "global"),
        ("return lambda y: y", "lambda"),
        ("return y", "`y`"),
        ("return __torch__.absent(x)", "__torch__.absent"),
        ("return 0x10", "number"),
    ],
)
def test_what_torch_does_not_write_is_refused(refused, body, words):
    refused(forward(body), words)


def test_code_in_an_entry_of_another_case_is_not_there(refused):
    code = forward("return __torch__.Other.f(x)")
    other = 'def f(x: Tensor) -> Tensor:\n    torch.save(x, "nowhere")\n    return x\n'
    refused(code, "`__torch__.Other.f`", more=[("CODE/__torch__/Other.PY", other)])


def test_an_archive_of_the_time_before_code_had_a_place_is_refused(refused):
    refused(forward("return x"), "model.json", more=[("model.json", "{}")])


def test_a_self_that_is_declared_to_be_another_class_is_what_it_is(refused):
    more = '  def spin(self: __torch__.Other) -> int:\n    return (self).save("CANARY")\n'
    other = "class Other:\n  def save(self, path: str) -> int:\n    return 1\n"
    refused(forward("return x", more + other), "`save`")


def test_methods_of_the_archive_s_own_classes_may_have_any_name(onnxport, tmp_path):
    code = forward("other = __torch__.Other.__new__(__torch__.Other)\nreturn (other).save(x)")
    code += "class Other:\n  def save(self, x: Tensor) -> Tensor:\n    return torch.relu(x)\n"
    path = archive(tmp_path / "good.pt", code)
    ran = onnxport("export", path, "-o", tmp_path / "model.onnx", "--input-shape", "2,4")
    assert ran.code == 0 and "Passed" in ran.out, ran.text
