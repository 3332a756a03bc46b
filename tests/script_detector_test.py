"""Detectors: lists of pictures, what data picks out, masks pasted into pictures."""

from typing import List

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import script_zoo
from script_runs import export, passed  # noqa: F401

DETECTORS = [
    "fasterrcnn_mobilenet_320", "ssdlite320", "retinanet_resnet50", "fcos_resnet50",
    "maskrcnn_resnet50", "keypointrcnn_resnet50",
]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_the_same_and_finds_something(export, name):
    entry = script_zoo.entries()[f"script_{name}"]
    report, path = export(script_zoo.build(entry.name), *entry.arguments)
    passed(report)
    session = onnxruntime.InferenceSession(path)
    outputs = [o.name for o in session.get_outputs()]
    shape = [int(size) for size in entry.arguments[1].split(",")]
    noise = np.random.default_rng(0)
    picture = noise.standard_normal(shape).astype(np.float32)
    found = dict(zip(outputs, session.run(None, {session.get_inputs()[0].name: picture})))
    assert len(found["scores"]) >= 10
    assert len(np.unique(found["scores"])) == len(found["scores"]), "scores that are alike: a poor test"
    # The comparison means something: rounding does not choose other boxes.
    other = picture * (1 + 1e-7 * noise.standard_normal(shape)).astype(np.float32)
    again = dict(zip(outputs, session.run(None, {session.get_inputs()[0].name: other})))
    np.testing.assert_array_equal(again["labels"], found["labels"])
    np.testing.assert_allclose(again["boxes"], found["boxes"], atol=0.05)


def test_a_picture_in_which_nothing_is_found_gives_nothing(export):
    torch.manual_seed(0)
    module = script_zoo._detector(
        "maskrcnn_resnet50_fpn", (160, 192), min_size=160, max_size=256, box_score_thresh=0.9999,
        rpn_post_nms_top_n_test=50,
    )
    report, path = export(module, "--input-shape", "3,160,192", "--seeds", "1")
    passed(report)
    session = onnxruntime.InferenceSession(path)
    picture = np.random.default_rng(0).standard_normal((3, 160, 192)).astype(np.float32)
    found = {o.name: v for o, v in zip(session.get_outputs(), session.run(None, {"input": picture}))}
    assert found["boxes"].shape == (0, 4) and found["masks"].shape == (0, 1, 160, 192)


def test_two_pictures_of_other_sizes_are_two_inputs(export):
    entry = script_zoo.entries()["script_retinanet_resnet50"]
    shapes = ("--input-shape", "3,160,192", "--input-shape", "3,192,160", "--seeds", "1")
    report, path = export(script_zoo.build(entry.name), *shapes)
    passed(report)
    assert input_dims(path) == [[3, 160, 192], [3, 192, 160]]
    names = [o.name for o in onnxruntime.InferenceSession(path).get_outputs()]
    assert names == ["boxes", "scores", "labels", "boxes_1", "scores_1", "labels_1"]


class TopOfMask(nn.Module):
    """Scores and indices picked out with one mask, and as many of the best as there are at most."""

    def forward(self, x):
        keep = x > 0.5
        scores = x[keep]
        where = torch.where(keep)[0]
        scores, order = scores.topk(min(5, where.size(0)))
        return scores, where[order]


def test_what_one_mask_picks_out_is_equally_long(export):
    report, path = export(torch.jit.script(TopOfMask()), "--input-shape", "60")
    passed(report)
    session = onnxruntime.InferenceSession(path)
    for count in (2, 5, 40):
        x = torch.linspace(0.1, 0.4, 60)
        x[:count] += torch.linspace(0.6, 0.9, count)
        got = session.run(None, {"input": x.numpy()})
        want = TopOfMask()(x)
        np.testing.assert_array_equal(got[0], want[0].numpy())
        np.testing.assert_array_equal(got[1], want[1].numpy())


class ChangedMask(nn.Module):
    """The mask is written, through a view, between its two uses."""

    def forward(self, x):
        keep = x > 0.0
        before = x[keep]
        keep[3:].fill_(False)
        return before * 2.0, x[keep] + 1.0


def test_a_mask_that_is_written_in_between_picks_out_something_else(export):
    report, path = export(torch.jit.script(ChangedMask()), "--input-shape", "12")
    passed(report)
    first, second = (o.shape for o in onnxruntime.InferenceSession(path).get_outputs())
    assert first != second


class Pictures(nn.Module):
    """What a detector does with its list: each picture by itself, then all of them together."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: List[torch.Tensor]):
        found: List[torch.Tensor] = []
        for image in images:
            found.append(self.conv(image[None]).relu())
        return found


def input_dims(path):
    return [i.shape for i in onnxruntime.InferenceSession(path).get_inputs()]


def test_the_pictures_of_a_list_have_no_batch(export):
    report, path = export(torch.jit.script(Pictures()), "--input-shape", "3,16,24")
    passed(report)
    assert input_dims(path) == [[3, 16, 24]]
    assert not any("batch" in note for note in report["notes"]), report["notes"]


def test_height_and_width_of_the_pictures_of_a_list_are_dynamic_when_asked(export):
    module = torch.jit.script(Pictures())
    report, path = export(
        module, "--input-shape", "3,16,24", "--dynamic-axes", "input:1=height,2=width"
    )
    passed(report)
    assert input_dims(path) == [[3, "height", "width"]]
    x = torch.randn(3, 40, 8)
    got = onnxruntime.InferenceSession(path).run(None, {"input": x.numpy()})[0]
    np.testing.assert_allclose(got, module([x])[0].detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["fasterrcnn_mobilenet_320", "keypointrcnn_resnet50"])
def test_a_detector_takes_pictures_of_any_height_and_width(export, name):
    """Proven on three sizes by the command; the sizes of the boxes follow the picture."""
    entry = script_zoo.entries()[f"script_{name}"]
    axes = ("--dynamic-axes", "input:1=height,2=width")
    report, path = export(script_zoo.build(entry.name), "--input-shape", "3,240,320", *axes, "--seeds", "1")
    passed(report)
    assert input_dims(path) == [[3, "height", "width"]]
    session = onnxruntime.InferenceSession(path)
    outputs = [o.name for o in session.get_outputs()]
    smooth = torch.randn(1, 3, 12, 20, generator=torch.Generator().manual_seed(0))
    picture = nn.functional.interpolate(smooth, size=(333, 500), mode="bicubic")[0]
    found = dict(zip(outputs, session.run(None, {"input": picture.numpy()})))
    assert len(found["boxes"]) >= 5
    assert found["boxes"].max() > 300 and found["boxes"][:, 2].max() <= 500 and found["boxes"][:, 3].max() <= 333


def test_two_pictures_may_differ_in_size(export):
    shapes = ("--input-shape", "3,16,24", "--input-shape", "3,8,8")
    report, path = export(torch.jit.script(Pictures()), *shapes)
    passed(report)
    assert input_dims(path) == [[3, 16, 24], [3, 8, 8]]


class Fickle(nn.Module):
    """The order of sums that are alike but for their rounding."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        row = torch.randn(1, 256, generator=generator)
        self.weight = nn.Parameter(row + 1e-7 * torch.randn(64, 256, generator=generator))

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight).argsort(1, descending=True)


def test_a_model_that_decides_between_equals_fails_and_is_told_apart(export):
    report, _ = export(torch.jit.script(Fickle().eval()), "--input-shape", "2,256")
    assert report["outcome"] == "differs", report
    reasons = [output["reason"] for output in report["comparison"] if not output["passed"]]
    assert any("nearly equal" in reason for reason in reasons), reasons


class Ranked(Fickle):
    """The same sums, each with its place: which of two equals comes first is nobody's to say."""

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight).topk(64, 1)


def test_rows_that_are_ranked_alike_may_change_places_and_a_note_says_so(export):
    report, _ = export(torch.jit.script(Ranked().eval()), "--input-shape", "2,256")
    passed(report)
    assert any("their order is a matter of rounding" in note for note in report["notes"]), report["notes"]


def test_a_wrong_file_is_not_excused_by_noise(onnxport, export):
    report, path = export(torch.jit.script(Pictures()), "--input-shape", "3,16,24")
    passed(report)
    model = onnx.load(path)
    weight = next(t for t in model.graph.initializer if t.name == "conv.weight")
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0, 0, 0, 0] += 1
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, path)
    ran = onnxport("verify", path.with_name("model.pt"), path)
    assert ran.code == 1 and "nearly equal" not in ran.text, ran.text


class Pastes(nn.Module):
    """Masks in boxes, which reach to the borders of the picture (with their padding, beyond), or are smaller
    than a pixel."""

    def __init__(self):
        super().__init__()
        script_zoo._torchvision()
        from torchvision.models.detection.roi_heads import paste_masks_in_image

        self.paste = torch.jit.script(paste_masks_in_image)

    def forward(self, masks, boxes):
        end = torch.tensor([48.0, 40.0])
        low = boxes[:, :2].sigmoid() * end
        high = torch.min(low + boxes[:, 2:].sigmoid().square() * 40.0, end)
        return self.paste(masks.sigmoid(), torch.cat([low, high], 1), (40, 48))


def test_masks_are_pasted_as_torchvision_pastes_them(export):
    module = torch.jit.script(Pastes())
    shapes = ("--input-shape", "masks:3,1,28,28", "--input-shape", "boxes:3,4")
    report, path = export(module, *shapes)
    passed(report)
    assert "Loop" not in {node.op_type for node in onnx.load(path).graph.node}
    session = onnxruntime.InferenceSession(path)
    generator = torch.Generator().manual_seed(1)
    for count in (1, 0, 60):
        masks = torch.randn(count, 1, 28, 28, generator=generator)
        boxes = 3.0 * torch.randn(count, 4, generator=generator)
        got = session.run(None, {"masks": masks.numpy(), "boxes": boxes.numpy()})[0]
        want = module(masks, boxes).numpy()
        assert got.shape == want.shape == (count, 1, 40, 48)
        np.testing.assert_allclose(got, want, atol=1e-5)
    assert (want > 0).any(axis=(1, 2, 3)).sum() > 40, "boxes outside of the picture: a poor test"
