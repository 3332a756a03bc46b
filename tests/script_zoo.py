"""TorchScript models made by name with fixed weights: the zoo's models traced, and scripted ones.

    python tests/script_zoo.py list
    python tests/script_zoo.py make NAME OUT.pt
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parent))
import zoo  # noqa: E402

RECIPE = 1
DETECTOR_RECIPE = 2  # of the models of _detectors()


@dataclass
class Entry:
    name: str  # traced_<name in zoo>, or script_<model>
    source: str  # traced, scripted
    family: str
    make: Callable  # () -> torch.jit.ScriptModule
    arguments: list = field(default_factory=list)  # for `onnxport export`


def _scripted(module, example=None):
    """A module of torch with values that show, scripted."""
    import torch

    module.eval()
    if example is not None:
        zoo.settle(module, example, 1, in_order=False)
    return torch.jit.script(module)


def _torchvision():
    """torchvision, whose scripts are to call its operators even where its library is absent."""
    torchvision = zoo._import_torchvision()
    import torchvision.extension

    torchvision.extension._has_ops = _has_ops
    return torchvision


def _has_ops():
    return True


def _vision(factory, size, **options):
    import torch

    torchvision = _torchvision()
    model = getattr(torchvision.models, factory, None) or getattr(
        torchvision.models.segmentation, factory
    )
    example = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(2))
    return _scripted(model(weights=None, **options), example)


def _even(modules, run, spread):
    """Scales the layers in `modules`, in the order in which run() calls them, so that each gives values
    of standard deviation 1, or what spread(name) says."""
    import torch

    done = set()

    def scale(name):
        def hook(layer, _, out):
            if layer in done:
                return out
            done.add(layer)
            factor = (spread(name) or 1.0) / out.std().item()
            layer.weight.mul_(factor)
            return (out - shift(layer, out)) * factor + shift(layer, out)

        return hook

    def shift(layer, out):
        if layer.bias is None:
            return 0.0
        return layer.bias if out.dim() == 2 else layer.bias[:, None, None]

    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)
    hooks = [
        layer.register_forward_hook(scale(name))
        for module in modules
        for name, layer in module.named_modules()
        if isinstance(layer, kinds)
    ]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()


def _detector_spread(name):
    """Of a detector's last layers: scores that are neither alike nor all 0 or 1, boxes that move."""
    if any(word in name for word in ("cls_score", "cls_logits", "classification_head", "mask_fcn_logits")):
        return 1.5
    if any(word in name for word in ("bbox", "regression_head")):
        return 0.05
    return None


def _detector(factory, size=(320, 320), **options):
    """A detector that finds something, and the same things when a value is rounded otherwise.

    A detector sorts scores, cuts at a rank and compares overlaps, so the comparison says nothing where
    scores are alike. With weights as they are initialized, or heads of random weights behind features that
    nothing has normalized, they are: of logits in the hundreds, all become 1. Then PyTorch's own result is
    another when its inputs change by 1e-7. So BatchNorm gets statistics of the very kind of picture that
    verification makes: noise of this size, which the model does not resize. (Noise that is resized has other
    statistics, and 53 layers on features are 50 times too large.) And every layer behind it gets a scale at
    which scores lie apart.
    """
    import torch

    torchvision = _torchvision()
    model = getattr(torchvision.models.detection, factory)(
        weights=None, weights_backbone=None, **options
    ).eval()
    generator = torch.Generator().manual_seed(3)
    pictures, _ = model.transform([torch.randn(3, *size, generator=generator) for _ in range(2)])
    zoo.settle(model.backbone, pictures.tensors, 3, in_order=True)
    normalized = any(isinstance(m, torch.nn.BatchNorm2d) for m in model.backbone.modules())
    features = []

    def run():
        found = model.backbone(pictures.tensors)
        features.extend([found] if isinstance(found, torch.Tensor) else found.values())
        if hasattr(model, "rpn"):
            model.rpn.head(features)
            steps = range(0, min(features[0].shape[2:]) - 6)
            crops = torch.cat([features[0][:, :, i : i + 7, i : i + 7] for i in steps])
            _heads(model.roi_heads, crops)
        else:
            model.head(features)

    fpn = [model.backbone.fpn] if hasattr(model.backbone, "fpn") else []
    heads = [model.rpn, model.roi_heads] if hasattr(model, "rpn") else [model.head]
    _even((fpn if normalized else [model.backbone]) + heads, run, _detector_spread)
    return torch.jit.script(model)


def _heads(heads, crops):
    """What RoIHeads does with features that are cut out already."""
    heads.box_predictor(heads.box_head(crops))
    if heads.has_mask():
        heads.mask_predictor(heads.mask_head(crops))
    if heads.has_keypoint():
        heads.keypoint_predictor(heads.keypoint_head(crops))


def _modules():
    """Small modules with control flow, as classes (torch is imported late)."""
    import torch
    from torch import nn

    class Lstm(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(16, 32, num_layers=2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(64, 5)

        def forward(self, x):
            y, (h, c) = self.rnn(x)
            return self.head(y), h, c

    class Gru(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(16, 32, batch_first=True)
            self.head = nn.Linear(32, 5)

        def forward(self, x):
            y, h = self.rnn(x)
            return self.head(y[:, -1]), h

    class While(nn.Module):
        """Grows until the data says that it is enough."""

        def __init__(self):
            super().__init__()
            self.step = nn.Linear(8, 8)

        def forward(self, x):
            trips = 0
            while bool(x.abs().max() < 20.0) and trips < 30:
                x = x + self.step(x).abs() + 0.3
                trips += 1
            return x, trips

    class DataIf(nn.Module):
        def __init__(self):
            super().__init__()
            self.low = nn.Linear(8, 4)
            self.high = nn.Linear(8, 4)

        def forward(self, x):
            if bool(x.mean() > 0.0):
                y = self.high(x)
            else:
                y = self.low(x).relu()
            return y * 2.0

    class CellLoop(nn.Module):
        """An LSTM by hand, over time that is known, the steps collected in a list."""

        def __init__(self):
            super().__init__()
            self.cell = nn.LSTMCell(8, 16)

        def forward(self, x):
            h = torch.zeros(x.size(0), 16)
            c = torch.zeros(x.size(0), 16)
            steps: List[torch.Tensor] = []
            for t in range(x.size(1)):
                h, c = self.cell(x[:, t], (h, c))
                steps.append(h)
            return torch.stack(steps, 1)

    class LongLoop(nn.Module):
        """The same over time that is dynamic: the loop stays a loop."""

        def __init__(self):
            super().__init__()
            self.cell = nn.GRUCell(8, 16)

        def forward(self, x):
            h = torch.zeros(x.size(1), 16)
            steps: List[torch.Tensor] = []
            for t in range(x.size(0)):
                h = self.cell(x[t], h)
                steps.append(h)
            return torch.stack(steps), h

    class Dicts(nn.Module):
        """Features in a dict, tuples, optionals, strings as keys."""

        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.Conv2d(3 if i == 0 else 4, 4, 3, padding=1) for i in range(3)])

        def features(self, x, scale: float = 1.0) -> Dict[str, torch.Tensor]:
            out: Dict[str, torch.Tensor] = {}
            for i, block in enumerate(self.blocks):
                x = block(x).relu() * scale
                out["level_" + str(i)] = x
            return out

        def forward(self, x):
            found = self.features(x)
            names = list(found.keys())
            total: List[torch.Tensor] = []
            for name in names:
                total.append(found[name].mean(dim=[2, 3]))
            return torch.cat(total, 1), found

    class Sizes(nn.Module):
        """Arithmetic on sizes, decisions by rank and size."""

        def forward(self, x):
            b, c, h, w = x.shape
            if x.dim() == 4 and h % 2 == 0:
                x = x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
                x = x.reshape(b, c * 4, h // 2, w // 2)
            return x.flatten(2).softmax(-1), torch.full((b, 2), float(c * h))

    class Mask(nn.Module):
        """What the data picks out: sizes that nobody knows before."""

        def forward(self, x):
            picked = x[x[:, 0] > 0.0]
            where = (x > 0.5).nonzero()
            return picked * 2.0, where, picked.sum(0)

    class Greedy(nn.Module):
        """Feeds back what it finds until it finds the end or has had enough."""

        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(11, 16)
            self.cell = nn.GRUCell(16, 16)
            self.head = nn.Linear(16, 11)

        def forward(self, h):
            token = torch.zeros([h.size(0)], dtype=torch.long)
            done = torch.zeros([h.size(0)], dtype=torch.bool)
            found: List[torch.Tensor] = []
            steps = 0
            while not bool(done.all()) and steps < 12:
                h = self.cell(self.embed(token), h)
                token = self.head(h).argmax(-1)
                done = done | (token == 3)
                found.append(token)
                steps += 1
            return torch.stack(found, 1), h

    return {c.__name__: c for c in (Lstm, Gru, While, DataIf, CellLoop, LongLoop, Dicts, Sizes, Mask, Greedy)}


def _small(name):
    import torch

    torch.manual_seed(5)
    return _scripted(_modules()[name]())


_traced_shape = []  # of the model that was traced last


def _traced(name):
    import torch

    model, example = zoo.build(name)
    _traced_shape.append(f"1,{','.join(map(str, example.shape[1:]))}")
    with torch.no_grad():
        return torch.jit.trace(model, example, check_trace=False)


def _shape(text):
    return ["--input-shape", text]


def _detectors():
    return [
        ("fasterrcnn_mobilenet_320", "detection", lambda: _detector(
            "fasterrcnn_mobilenet_v3_large_320_fpn", box_score_thresh=0.02, box_detections_per_img=20,
            rpn_post_nms_top_n_test=100), _shape("3,320,320")),
        ("ssdlite320", "detection", lambda: _detector("ssdlite320_mobilenet_v3_large", topk_candidates=40,
            detections_per_img=30), _shape("3,320,320")),
        ("retinanet_resnet50", "detection", lambda: _detector("retinanet_resnet50_fpn",
            (160, 192), topk_candidates=50, min_size=160, max_size=256), _shape("3,160,192")),
        ("maskrcnn_resnet50", "instance segmentation", lambda: _detector("maskrcnn_resnet50_fpn",
            (160, 192), min_size=160, max_size=256, box_score_thresh=0.02, box_detections_per_img=10,
            rpn_post_nms_top_n_test=50), _shape("3,160,192")),
        ("maskrcnn_resnet50_v2", "instance segmentation", lambda: _detector("maskrcnn_resnet50_fpn_v2",
            (160, 192), min_size=160, max_size=256, box_score_thresh=0.02, box_detections_per_img=10,
            rpn_post_nms_top_n_test=50), _shape("3,160,192")),
        ("keypointrcnn_resnet50", "keypoints", lambda: _detector("keypointrcnn_resnet50_fpn",
            (160, 192), min_size=160, max_size=256, box_score_thresh=0.3, box_detections_per_img=10,
            rpn_post_nms_top_n_test=50), _shape("3,160,192")),
        ("fcos_resnet50", "detection", lambda: _detector("fcos_resnet50_fpn",
            (160, 192), topk_candidates=50, min_size=160, max_size=256), _shape("3,160,192")),
        ("ssd300_vgg16", "detection", lambda: _detector("ssd300_vgg16", (300, 300), topk_candidates=40,
            detections_per_img=30), _shape("3,300,300")),
    ]


# Those that are exported with dynamic height and width too. (A ViT asserts its size; Swin shifts its
# windows or not, by size.)
ANY_SIZE = [
    "fasterrcnn_mobilenet_320", "ssdlite320", "retinanet_resnet50", "maskrcnn_resnet50",
    "maskrcnn_resnet50_v2", "keypointrcnn_resnet50", "fcos_resnet50", "ssd300_vgg16",
    "deeplabv3_mobilenet", "fcn_resnet50", "lraspp_mobilenet", "googlenet", "inception_v3",
    "resnet18", "mobilenet_v3_small", "densenet121",
]
ANY_SIZE_TRACED = [
    "dinov3_vits16", "dinov3_convnext_tiny", "timm_hrnet_w18_small", "timm_pvt_v2_b0",
    "timm_xcit_nano_12_p8_224", "timm_focalnet_tiny_srf", "timm_edgenext_xx_small",
]
_ANY = "_any_size"


def _recipe_of(name):
    name = name.removesuffix(_ANY)
    return DETECTOR_RECIPE if name in {f"script_{row[0]}" for row in _detectors()} else RECIPE


def _scripts():
    rows = [
        *_detectors(),
        ("deeplabv3_mobilenet", "segmentation", lambda: _vision(
            "deeplabv3_mobilenet_v3_large", 128, weights_backbone=None), _shape("1,3,128,128")),
        ("fcn_resnet50", "segmentation", lambda: _vision("fcn_resnet50", 96, weights_backbone=None),
            _shape("1,3,96,96")),
        ("lraspp_mobilenet", "segmentation", lambda: _vision(
            "lraspp_mobilenet_v3_large", 128, weights_backbone=None), _shape("1,3,128,128")),
        ("googlenet", "classification", lambda: _vision("googlenet", 224, init_weights=False), []),
        ("inception_v3", "classification", lambda: _vision("inception_v3", 299, init_weights=False),
            _shape("1,3,299,299")),
        ("resnet18", "classification", lambda: _vision("resnet18", 224), []),
        ("mobilenet_v3_small", "classification", lambda: _vision("mobilenet_v3_small", 224), []),
        ("swin_t", "classification", lambda: _vision("swin_t", 224), []),
        ("vit_b_32", "classification", lambda: _vision("vit_b_32", 224), []),
        ("densenet121", "classification", lambda: _vision("densenet121", 224), []),
        ("Lstm", "recurrent", None, _shape("2,7,16")),
        ("Gru", "recurrent", None, _shape("2,7,16")),
        ("CellLoop", "loop unrolled", None, _shape("2,5,8")),
        ("LongLoop", "loop over a dynamic size", None, _shape("5,2,8")),
        ("While", "while loop", None, _shape("2,8")),
        ("Greedy", "while loop", None, _shape("2,16")),
        ("DataIf", "data-dependent if", None, _shape("2,8")),
        ("Mask", "data-dependent sizes", None, _shape("6,4")),
        ("Dicts", "lists and dicts", None, _shape("1,3,16,16")),
        ("Sizes", "arithmetic on sizes", None, _shape("1,3,8,12")),
    ]
    for name, family, make, arguments in rows:
        yield Entry(f"script_{name}", "scripted", family, make or (lambda n=name: _small(n)), arguments)
    made = {row[0]: row for row in rows}
    for name in ANY_SIZE:
        _, family, make, arguments = made[name]
        pictures = name in {row[0] for row in _detectors()}
        axes = "1=height,2=width" if pictures else "0=batch_size,2=height,3=width"
        arguments = _shape("3,240,320") if pictures else arguments or _shape("1,3,224,224")
        yield Entry(f"script_{name}{_ANY}", "scripted", f"{family}, any size", make,
                    [*arguments, "--dynamic-axes", f"input:{axes}"])


def entries() -> dict[str, Entry]:
    found = list(_scripts())
    for entry in zoo.entries().values():
        found.append(
            Entry(f"traced_{entry.name}", "traced", entry.family, lambda n=entry.name: _traced(n),
                  ["--input-shape", "traced"])
        )
    for name in ANY_SIZE_TRACED:
        entry = zoo.entries()[name]
        found.append(
            Entry(f"traced_{name}{_ANY}", "traced", f"{entry.family}, any size", lambda n=name: _traced(n),
                  ["--input-shape", "traced", "--dynamic-axes", "input:0=batch_size,2=height,3=width"])
        )
    return {entry.name: entry for entry in found}


def build(name: str):
    """The module, with the same weights whenever it is made."""
    import torch

    seed = name.removesuffix(_ANY)  # the same weights
    torch.manual_seed(int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16))
    return entries()[name].make()


def make(name: str, out: Path) -> dict:
    """Writes OUT.pt and, beside it, OUT.json that says what it is."""
    import torch

    module = build(name)
    arguments = entries()[name].arguments
    arguments = [_traced_shape[-1] if argument == "traced" else argument for argument in arguments]
    about = {"name": name, "recipe": _recipe_of(name), "torch": torch.__version__, "arguments": arguments}
    zoo.write(out, lambda part: module.save(str(part)), about)
    return about


def about(out: Path) -> dict:
    """What OUT.json says; {} when OUT.pt is missing or of another recipe."""
    try:
        found = json.loads(out.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return {}
    return found if out.exists() and found.get("recipe") == _recipe_of(found.get("name")) else {}


if __name__ == "__main__":
    zoo.command(__doc__, entries(), make, lambda out: bool(about(out)))
