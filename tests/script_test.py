"""TorchScript modules, scripted and traced, through `onnxport export`: control flow, state, sizes."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import script_zoo
from script_runs import export, passed  # noqa: F401

SMALL = ["Lstm", "Gru", "CellLoop", "LongLoop", "While", "Greedy", "DataIf", "Mask", "Dicts", "Sizes"]


def operators(path):
    found = set()

    def walk(graph):
        for node in graph.node:
            found.add(node.op_type)
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    walk(attribute.g)

    walk(onnx.load(path).graph)
    return found


@pytest.mark.parametrize("name", SMALL)
def test_a_module_with_control_flow_passes(export, name):
    entry = script_zoo.entries()[f"script_{name}"]
    passed(export(entry.make(), *entry.arguments)[0])


@pytest.mark.parametrize(
    "name, there, gone",
    [
        ("While", {"Loop"}, set()),
        ("Greedy", {"Loop"}, set()),
        ("LongLoop", {"Loop"}, set()),
        ("DataIf", {"If"}, set()),
        ("CellLoop", set(), {"Loop", "If"}),
        ("Sizes", set(), {"Loop", "If"}),
    ],
)
def test_only_what_data_decides_stays_control_flow(export, name, there, gone):
    entry = script_zoo.entries()[f"script_{name}"]
    _, path = export(entry.make(), *entry.arguments, "--no-verify")
    found = operators(path)
    assert there <= found and not gone & found


def test_both_ways_of_a_branch_are_right(export):
    module = script_zoo.entries()["script_DataIf"].make()
    _, path = export(module, "--input-shape", "2,8")
    session = onnxruntime.InferenceSession(path)
    for sign in (1.0, -1.0):
        x = sign * torch.rand(3, 8)
        np.testing.assert_allclose(
            session.run(None, {"input": x.numpy()})[0], module(x).detach().numpy(), atol=1e-5
        )


def test_a_loop_runs_as_often_as_the_data_says(export):
    module = script_zoo.entries()["script_While"].make()
    _, path = export(module, "--input-shape", "2,8")
    session = onnxruntime.InferenceSession(path)
    counts = set()
    for scale in (0.1, 5.0, 50.0):
        x = scale * torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
        want, trips = module(x)
        got = session.run(None, {"input": x.numpy()})
        np.testing.assert_allclose(got[0], want.detach().numpy(), rtol=1e-4)
        assert got[1] == trips
        counts.add(trips)
    assert len(counts) > 1, "the loop always runs as often: a poor test"


def test_a_loop_over_a_dynamic_size_follows_it(export):
    module = script_zoo.entries()["script_LongLoop"].make()
    _, path = export(module, "--input-shape", "5,2,8")
    session = onnxruntime.InferenceSession(path)
    for length in (1, 4, 9):
        x = torch.randn(length, 2, 8)
        want = module(x)[0].detach().numpy()
        np.testing.assert_allclose(session.run(None, {"input": x.numpy()})[0], want, atol=1e-5)


class Counter(nn.Module):
    """A mean that moves with every call."""

    def __init__(self):
        super().__init__()
        self.mean = torch.zeros(1, 4)

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0, keepdim=True)
        return x - self.mean


def test_state_is_an_input_and_an_output(export):
    module = torch.jit.script(Counter().eval())
    report, path = export(module, "--input-shape", "2,4")
    passed(report)
    session = onnxruntime.InferenceSession(path)
    assert [i.name for i in session.get_inputs()] == ["x", "mean"]
    state = np.zeros((1, 4), np.float32)
    reference = torch.jit.script(Counter().eval())
    for step in range(4):
        x = torch.randn(3, 4)
        got, state = session.run(None, {"x": x.numpy(), "mean": state})
        np.testing.assert_allclose(got, reference(x).numpy(), atol=1e-6)


class Baked(nn.Module):
    def forward(self, x):
        return x.view(2, 3, 2, 2).softmax(-1)


def test_a_batch_size_baked_in_is_named_with_its_line(export):
    module = torch.jit.trace(Baked().eval(), torch.randn(2, 3, 4))
    report, _ = export(module, "--input-shape", "2,3,4")
    assert report["outcome"] == "passed"
    assert any("fixes the batch" in note and "script_test.py:" in note for note in report["notes"]), report
    # A trace's text of a line is Python's stack, with paths of the machine where it was made.
    assert not any("script_test.py(" in note or "/script_test.py" in note for note in report["notes"]), report


def test_a_traced_transformer_of_the_fast_path_passes(export):
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
    module = nn.TransformerEncoder(layer, 2).eval()
    with torch.no_grad():
        traced = torch.jit.trace(module, torch.rand(2, 7, 32), check_trace=False)
    assert "transformer_encoder_layer_fwd" in str(traced.inlined_graph), "no fast path: a poor test"
    passed(export(traced, "--input-shape", "2,7,32")[0])


def test_traced_attention_of_the_fast_path_passes(export):
    class Attend(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0]

    with torch.no_grad():
        traced = torch.jit.trace(Attend().eval(), torch.rand(2, 7, 32), check_trace=False)
    assert "native_multi_head_attention" in str(traced.inlined_graph), "no fast path: a poor test"
    passed(export(traced, "--input-shape", "2,7,32")[0])


class Embeds(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 8)

    def forward(self, ids):
        return self.table(ids).mean(1)


def test_indices_are_found_to_be_integers(export):
    report, path = export(torch.jit.script(Embeds().eval()), "--input-shape", "2,6")
    assert onnx.load(path).graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT64, report


class Selects(nn.Module):
    """Tables too large to be constants while the module is read."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(1000, 48)
        self.register_buffer("places", torch.randn(3, 700))

    def forward(self, ids):
        return self.words(ids), self.words(ids[0]), self.places.index_select(1, ids[:, 0])


def test_large_tables_are_looked_up_by_index(export):
    report, path = export(torch.jit.script(Selects().eval()), "--input-shape", "2,6")
    passed(report)
    assert [d.dim_param or d.dim_value for d in onnx.load(path).graph.output[2].type.tensor_type.shape.dim] == [
        3, "batch_size"]


class Rows(nn.Module):
    """A loop that carries nothing from trip to trip."""

    def forward(self, x, start):
        picked = []
        for i in range(len(start)):
            first = int(start[i])
            picked.append(torch.cat([x[i][start[i]], x[i][first : first + 2].mean(0)]))
        return torch.stack(picked)


def test_a_loop_that_only_collects_rows_follows_the_batch(export):
    report, path = export(
        torch.jit.script(Rows()), "--input-shape", "x:2,20,3", "--input-shape", "start:2", "--input-type",
        "start=int64")
    passed(report)
    assert onnx.load(path).graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch_size"
    x, start = torch.randn(4, 20, 3), torch.tensor([0, 3, 18, 2])
    got = onnxruntime.InferenceSession(path).run(None, {"x": x.numpy(), "start": start.numpy()})[0]
    np.testing.assert_allclose(got, Rows()(x, start).numpy(), rtol=1e-5)


class NotANumber(nn.Module):
    def forward(self, x):
        return torch.log(-1 - x.abs())


def test_a_nan_of_the_model_itself_is_not_called_the_reader_s_mistake(export):
    report, _ = export(torch.jit.script(NotANumber()), "--input-shape", "2,3")
    first = report["first_divergence"]
    assert report["outcome"] == "differs" and "NaN" in first["reason"], report
    assert "log" in first["aten_op"] and "mistake" not in first["reason"], report
    passed(export(torch.jit.script(NotANumber()), "--input-shape", "2,3", "--allow-nan")[0])


class Unbound(nn.Module):
    def forward(self, x):
        n = 0
        while n < 10:
            n = n * 1
        return x


def test_a_loop_without_end_is_refused(export):
    report, _ = export(torch.jit.script(Unbound()), "--input-shape", "2,3")
    assert report["outcome"] == "refused" and "loop" in report["error"]


class Endless(nn.Module):
    """Grows until it is below zero."""

    def forward(self, x):
        x = x.abs()
        while bool(x.sum() > -1.0):
            x = x * 0.5 + 1.0
        return x


def test_a_loop_that_never_ends_is_told_with_its_place(export):
    arguments = ("--input-shape", "2,3", "--run-limit", "2")
    report, _ = export(torch.jit.script(Endless()), *arguments)
    assert report["outcome"] == "refused" and not report["verified"], report
    assert "forward() with inputs of [1, 3] has not ended after 2 s" in report["error"], report["error"]
    assert "script_test.py:" in report["error"] and "--run-limit" in report["error"], report["error"]
    report, path = export(torch.jit.script(Endless()), *arguments, "--no-verify")
    assert report["outcome"] == "passed" and "Loop" in operators(path)


class Flag(nn.Module):
    """A loop without a single call on tensors: no call of libtorch can be the one that stops it."""

    def forward(self, x):
        more = bool(x.abs().sum() > -1.0)
        n = 0
        while more:
            n += 1
        return x + n


def test_a_loop_that_never_calls_libtorch_is_stopped_too(export):
    report, _ = export(torch.jit.script(Flag()), "--input-shape", "2,3", "--run-limit", "2")
    assert report["outcome"] == "refused" and "has not ended after 2 s" in report["error"], report


class Raises(nn.Module):
    def forward(self, x):
        if x.size(1) != 7:
            raise ValueError("seven channels are wanted")
        return x


def test_an_exception_of_the_model_is_told(export):
    report, _ = export(torch.jit.script(Raises()), "--input-shape", "2,3")
    assert report["outcome"] == "refused" and "seven channels are wanted" in report["error"]


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_trace_of_a_convolution_padded_by_name_passes(export, padding):
    layer = nn.Sequential(nn.Conv2d(3, 4, (4, 3), padding=padding, dilation=(1, 2)), nn.ReLU()).eval()
    report, path = export(torch.jit.trace(layer, torch.rand(1, 3, 9, 9)), "--input-shape", "1,3,9,9")
    passed(report)
    assert operators(path) == {"Conv", "Relu"}


class WritesInPlace(nn.Module):
    """Writes into a buffer in place, which the next run would see."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(2000))
        self.linear = nn.Linear(2000, 4)

    def forward(self, x):
        self.seen.add_(x.sum())
        return self.linear(x + self.seen)


def test_what_a_module_writes_in_place_is_not_seen_by_the_next_run(export):
    report, _ = export(torch.jit.script(WritesInPlace()), "--input-shape", "2,2000")
    # Three seeds and several batches: each of them starts from the zeros of the file.
    passed(report)
    assert all(o["max_abs_difference"] < 1e-2 for o in report["comparison"])


def test_weights_that_share_their_numbers_stay_one(export):
    first, second = nn.Linear(64, 64), nn.Linear(64, 64)
    second.weight = first.weight
    report, path = export(torch.jit.script(nn.Sequential(first, nn.ReLU(), second)), "--input-shape", "1,64")
    passed(report)
    assert sum(len(i.raw_data) == 64 * 64 * 4 for i in onnx.load(path).graph.initializer) == 1


class OncePerWindow(nn.Module):
    """What belongs to an image, repeated for each of its windows: the number comes from sizes."""

    def forward(self, x, of_image):
        windows = x.reshape(-1, 4)
        return windows * of_image.repeat_interleave(windows.shape[0] // of_image.shape[0], dim=0)


def test_a_number_of_repeats_that_a_trace_computes_from_sizes_passes(export):
    traced = torch.jit.trace(OncePerWindow(), (torch.rand(2, 12), torch.rand(2, 4)))
    passed(export(traced, "--input-shape", "x:2,12", "--input-shape", "of_image:2,4")[0])
