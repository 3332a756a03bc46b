"""The list of operators that a file may name (src/aten/allowed_operators.cpp), against libtorch's own."""

import re

import torch
from conftest import ROOT

ALLOWED = set(re.findall(r'"(\w+::\w+)"', (ROOT / "src" / "aten" / "allowed_operators.cpp").read_text()))
# Of archives before torch 1.8; libtorch takes it for aten::size. torchvision's are the plugin's own.
OTHERS = {"prim::shape"}

DANGEROUS = """
aten::from_file aten::save aten::load aten::manual_seed aten::seed aten::initial_seed aten::Generator aten::set_num_threads
aten::wait aten::_print aten::hash aten::set_ aten::set_data aten::resize_ aten::resize_as_ aten::as_strided_
aten::record_stream aten::pin_memory aten::_pin_memory aten::owner aten::to_here aten::local_value aten::backward aten::grad
aten::get_gradients aten::_cufft_clear_plan_cache aten::_cufft_set_plan_cache_max_size aten::_sparse_coo_tensor_unsafe
aten::_sparse_csr_tensor_unsafe aten::_nested_view_from_buffer aten::_copy_from aten::_fw_primal aten::_remove_batch_dim
aten::_get_cpu_capability aten::_test_check_tensor aten::fbgemm_pack_gemm_matrix_fp16 aten::_foobar
prim::id prim::rpc_sync prim::rpc_async prim::rpc_remote prim::PythonOp prim::IgnoredPythonOp prim::awaitable_wait
prim::awaitable_nowait prim::BailOut prim::TimePoint prim::profile prim::DifferentiableGraph prim::fork
""".split()


def schemas():
    return torch._C._jit_get_all_schemas()


def test_no_name_is_stale():
    known = {schema.name for schema in schemas()} | OTHERS
    assert {name for name in ALLOWED if not name.startswith("torchvision::")} - known == set()


def test_dangerous_operators_are_not_on_it():
    assert ALLOWED.isdisjoint(DANGEROUS)
    for name in ALLOWED:
        space, op = name.split("::")
        assert space in ("aten", "prim", "torchvision"), name
        assert not re.search(r"^_test_|_unsafe$|backward|file|cuda_?graph|stream|rpc|thread|seed|num_threads", op), name


def test_nothing_on_it_takes_a_generator_or_a_stream_from_elsewhere_or_an_object():
    """What is on it works on tensors, numbers, text and containers of them."""
    for schema in schemas():
        if schema.name not in ALLOWED:
            continue
        for argument in schema.arguments:
            kind = str(argument.type)
            assert not re.search(r"__torch__|RRef|Storage|Stream(?!O)|Capsule|Await", kind), str(schema)


def test_a_method_of_a_value_means_one_operator_that_is_on_it():
    """(x).name(...) is looked for in aten:: and in prim::: no name is allowed in one and denied in the other."""
    known = {schema.name for schema in schemas()}
    denied = {n[6:] for n in known - ALLOWED if n.startswith("prim::")}
    assert denied & {n[6:] for n in ALLOWED if n.startswith("aten::")} == set()


def test_every_operator_with_a_rule_is_on_it(onnxport):
    rules = {row["operator"] for row in onnxport("operators", "--json").json}
    assert len(rules) > 200
    assert rules - ALLOWED == set()
