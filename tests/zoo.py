"""The model zoo: models made by name with fixed weights and saved by torch.export with a dynamic batch.

No weights are downloaded. Plain initialization would hide errors: BatchNorm that has seen nothing is
the identity, LayerNorm starts as one, biases and residual gains start as zero. So `settle` gives every
parameter a value that shows, lets BatchNorm see one batch so that activations keep their scale, and
then disturbs its statistics.

    python tests/zoo.py list
    python tests/zoo.py make NAME OUT.pt2
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

# Raise it when the weights that a name stands for change: files made before are then made again.
RECIPE = 2
# These very deep networks blow rounding up when their statistics are disturbed all at once: float32 itself
# is then off by more than any tolerance. Their BatchNorms are set one after the other, more gently, and their
# residual branches count less.
DEEP_RECIPE = 3
DEEP = {"tv_efficientnet_b6", "tv_efficientnet_v2_l", "tv_resnet152"}
# The last BatchNorm of a residual branch: of a ResNet's bottleneck, of an EfficientNet's (fused) MBConv.
RESIDUAL_GAIN = r"\.bn3\.weight$|block\.[123]\.1\.weight$"


def recipe_of(name):
    return DEEP_RECIPE if name in DEEP else RECIPE


# The operators whose schemas torchvision's Python side wants to see, when its C++ side is absent or
# was built for another torch.
_TORCHVISION_SCHEMAS = [
    "box_iou_rotated(Tensor boxes1, Tensor boxes2) -> Tensor",
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height,"
    " SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias,"
    " SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h,"
    " SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor",
    "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height,"
    " SymInt pooled_width) -> (Tensor, Tensor)",
    "ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height,"
    " SymInt pooled_width, int sampling_ratio) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height,"
    " SymInt pooled_width) -> (Tensor, Tensor)",
]
_libraries = []  # a torch Library undoes its definitions when it is collected


def _import_torchvision():
    import torch

    if "torchvision" not in sys.modules:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _TORCHVISION_SCHEMAS:
            name = schema.split("(")[0]
            if not hasattr(torch.ops.torchvision, name):
                library.define(schema)
        _libraries.append(library)
    import torchvision

    return torchvision


@dataclass(frozen=True)
class Entry:
    name: str  # tv_<torchvision>, timm_<timm>, dinov3_<size>
    source: str  # torchvision, timm, transformers
    family: str
    make: Callable  # () -> (module, input height and width)


# torchvision 0.28's classification models, by family: 80.
TORCHVISION = {
    "AlexNet": ["alexnet"],
    "ConvNeXt": ["convnext_tiny", "convnext_small", "convnext_base", "convnext_large"],
    "DenseNet": ["densenet121", "densenet161", "densenet169", "densenet201"],
    "EfficientNet": [f"efficientnet_b{i}" for i in range(8)],
    "EfficientNetV2": ["efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"],
    "GoogLeNet": ["googlenet"],
    "Inception": ["inception_v3"],
    "MaxViT": ["maxvit_t"],
    "MNASNet": ["mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"],
    "MobileNet": ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"],
    "RegNet": [f"regnet_x_{s}" for s in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")]
    + [f"regnet_y_{s}" for s in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")],
    "ResNet": ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"],
    "ResNeXt": ["resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"],
    "WideResNet": ["wide_resnet50_2", "wide_resnet101_2"],
    "ShuffleNet": [f"shufflenet_v2_x{s}" for s in ("0_5", "1_0", "1_5", "2_0")],
    "SqueezeNet": ["squeezenet1_0", "squeezenet1_1"],
    "Swin": ["swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b"],
    "VGG": [f"vgg{d}{bn}" for d in (11, 13, 16, 19) for bn in ("", "_bn")],
    "ViT": ["vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"],
}

# One timm model a family: 68.
TIMM = {
    "BEiT": "beit_base_patch16_224",
    "BoTNet": "botnet26t_256",
    "CaiT": "cait_xxs24_224",
    "CoAtNet": "coatnet_nano_rw_224",
    "ConvMixer": "convmixer_768_32",
    "ConvNeXt V2": "convnextv2_atto",
    "CrossViT": "crossvit_tiny_240",
    "CSPNet": "cspresnet50",
    "DaViT": "davit_tiny",
    "DeiT III": "deit3_small_patch16_224",
    "DLA": "dla34",
    "DPN": "dpn68",
    "EdgeNeXt": "edgenext_xx_small",
    "EfficientFormer": "efficientformer_l1",
    "EfficientViT": "efficientvit_b0",
    "EVA-02": "eva02_tiny_patch14_224",
    "FastViT": "fastvit_t8",
    "FocalNet": "focalnet_tiny_srf",
    "GCViT": "gcvit_xxtiny",
    "GhostNet": "ghostnet_100",
    "HaloNet": "halonet26t",
    "HardCoRe-NAS": "hardcorenas_a",
    "HGNet": "hgnet_tiny",
    "Hiera": "hiera_tiny_224",
    "HRNet": "hrnet_w18_small",
    "InceptionNeXt": "inception_next_tiny",
    "LambdaNet": "lambda_resnet26t",
    "LeViT": "levit_128s",
    "MambaOut": "mambaout_femto",
    "MLP-Mixer": "mixer_s32_224",
    "MobileOne": "mobileone_s0",
    "MobileViT": "mobilevit_xxs",
    "MViTv2": "mvitv2_tiny",
    "NextViT": "nextvit_small",
    "NFNet": "nfnet_f0",
    "PiT": "pit_ti_224",
    "PoolFormer": "poolformer_s12",
    "PVTv2": "pvt_v2_b0",
    "RDNet": "rdnet_tiny",
    "RegNetZ": "regnetz_c16",
    "RepVGG": "repvgg_a0",
    "RepViT": "repvit_m0_9",
    "Res2Net": "res2net50_26w_4s",
    "ResMLP": "resmlp_12_224",
    "ResNeSt": "resnest14d",
    "ReXNet": "rexnet_100",
    "SelecSLS": "selecsls42b",
    "Sequencer": "sequencer2d_s",
    "SKNet": "skresnet18",
    "StarNet": "starnet_s1",
    "SwiftFormer": "swiftformer_xs",
    "EfficientNet-Lite": "tf_efficientnet_lite0",
    "TinyNet": "tinynet_e",
    "TinyViT": "tiny_vit_5m_224",
    "TNT": "tnt_s_patch16_224",
    "TResNet": "tresnet_m",
    "Twins": "twins_svt_small",
    "VGG": "vgg11",
    "Visformer": "visformer_tiny",
    "ViTamin": "vitamin_small_224",
    "DINOv2": "vit_small_patch14_dinov2",
    "VOLO": "volo_d1_224",
    "Wide ResNet": "wide_resnet50_2",
    "XCiT": "xcit_nano_12_p8_224",
}


def _make_torchvision(name):
    torchvision = _import_torchvision()
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, **options)
    return model, 299 if name == "inception_v3" else 224


def _make_timm(name):
    _import_torchvision()
    import timm

    model = timm.create_model(name, pretrained=False)
    return model, model.default_cfg["input_size"][-1]


def _with_head(backbone, width):
    import torch

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = backbone
            self.head = torch.nn.Linear(width, 1000)

        def forward(self, pixel_values):
            return self.head(self.backbone(pixel_values).pooler_output)

    return Classifier()


def _make_dinov3_vits16():
    _import_torchvision()
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(
        hidden_size=384,
        intermediate_size=1536,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=224,
        num_register_tokens=4,
        patch_size=16,
    )
    return _with_head(DINOv3ViTModel(config), 384), 224


def _make_dinov3_convnext_tiny():
    _import_torchvision()
    from transformers import DINOv3ConvNextConfig, DINOv3ConvNextModel

    return _with_head(DINOv3ConvNextModel(DINOv3ConvNextConfig()), 768), 224


def entries() -> dict[str, Entry]:
    found = [
        Entry("dinov3_vits16", "transformers", "DINOv3 ViT", _make_dinov3_vits16),
        Entry("dinov3_convnext_tiny", "transformers", "DINOv3 ConvNeXt", _make_dinov3_convnext_tiny),
    ]
    for family, names in TORCHVISION.items():
        for name in names:
            found.append(
                Entry(f"tv_{name}", "torchvision", family, lambda n=name: _make_torchvision(n))
            )
    for family, name in TIMM.items():
        found.append(Entry(f"timm_{name}", "timm", family, lambda n=name: _make_timm(n)))
    return {entry.name: entry for entry in found}


def disturb(norm, mean, var, generator, in_order):
    """Sets a BatchNorm's statistics to these, disturbed."""
    import torch

    # A channel that one small batch saw as constant would be blown up.
    var = var.clamp(min=max(var.mean().item() * 0.1, 1e-4))
    if in_order:
        # Noise for images gives features that hardly vary: they are not to be blown up either.
        var = torch.maximum(var, mean.square())
    noise = torch.randn(mean.shape, generator=generator)
    norm.running_mean.copy_(mean + noise * 0.1 * var.sqrt())
    # The mean of 1 / (0.6 to 1.6) is about 1.
    norm.running_var.copy_(var * (torch.rand(var.shape, generator=generator) + 0.6))


def settle(model, example, seed, in_order):
    """Gives parameters values that show, and BatchNorm statistics that fit and are not trivial."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def uniform_(tensor, low, high):
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.is_floating_point() or parameter.numel() == 0:
                continue
            spread = (parameter.max() - parameter.min()).item()
            if spread != 0:
                continue  # initialized at random
            level = abs(parameter.flatten()[0].item())
            if "bias" in name.rsplit(".", 1)[-1] or (level == 0 and parameter.dim() >= 2):
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(noise * 0.02)
            elif level < 0.1001 or (in_order and re.search(RESIDUAL_GAIN, name)):
                uniform_(parameter, 0.1, 0.3)  # layer scale and residual gains: 1e-6, or 0
            else:
                parameter.mul_(torch.rand(parameter.shape, generator=generator) * 0.4 + 0.8)

        norms = [
            m
            for m in model.modules()
            if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.running_mean is not None
        ]
        if in_order:

            def before(norm, inputs):
                x = inputs[0].transpose(0, 1).flatten(1)
                disturb(norm, x.mean(1), x.var(1, unbiased=False), generator, True)

            hooks = [m.register_forward_pre_hook(before) for m in norms]
            model(example)
            for hook in hooks:
                hook.remove()
        elif norms:
            momenta = [m.momentum for m in norms]
            for m in norms:
                m.train()
                m.momentum = 1.0
            model(example)
            for m, momentum in zip(norms, momenta):
                m.eval()
                m.momentum = momentum
                disturb(m, m.running_mean.clone(), m.running_var.clone(), generator, False)


def build(name: str):
    """The module in eval mode, and an example batch of 2."""
    import torch

    entry = entries()[name]
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    torch.manual_seed(seed)
    model, size = entry.make()
    model.eval()
    example = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))
    settle(model, example, seed, in_order=name in DEEP)
    return model, example


def write(out: Path, save: Callable[[Path], object], about: dict):
    """save(path) makes the file, which then takes its place as a whole; OUT.json beside it says `about`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{os.getpid()}.{out.name}")
    save(part)
    os.replace(part, out)
    out.with_suffix(".json").write_text(json.dumps(about) + "\n")


def make(name: str, out: Path) -> dict:
    """Writes OUT.pt2 and, beside it, OUT.json that says what it is. Returns the latter."""
    import torch

    began = time.time()
    model, example = build(name)
    with torch.no_grad():
        output = model(example)
        program = torch.export.export(
            model, (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},)
        )
    if not torch.isfinite(output).all():
        raise RuntimeError(f"{name}: the output is not finite")
    if (output[0] - output[1]).abs().max() < 1e-3 * output.abs().max():
        raise RuntimeError(f"{name}: the output hardly depends on the input: a poor test")
    about = {
        "name": name,
        "recipe": recipe_of(name),
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "input": list(example.shape),
        "scale": output.abs().max().item(),
        "seconds": round(time.time() - began, 1),
    }
    write(out, lambda part: torch.export.save(program, part), about)
    return about


def is_made(out: Path) -> bool:
    """True when OUT.pt2 is there and was made by this recipe."""
    about = out.with_suffix(".json")
    if not out.exists() or not about.exists():
        return False
    try:
        return json.loads(about.read_text()).get("recipe") == recipe_of(out.stem)
    except ValueError:
        return False


def command(text, known, make_one, is_there):
    """The command of a zoo, this one's and script_zoo's: `text` describes it, `known` are its entries by name,
    make_one(name, out) writes a file, is_there(out) says whether it is there and of this recipe."""
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="names, sources and families")
    one = commands.add_parser("make", help="make one model, unless it is there")
    one.add_argument("name")
    one.add_argument("out", type=Path)
    one.add_argument("--again", action="store_true", help="make it even when it is there")
    made = commands.add_parser("is-made", help="exit 0 when this recipe's file is there")
    made.add_argument("out", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "list":
        for entry in known.values():
            print(f"{entry.name}\t{entry.source}\t{entry.family}")
        return
    if arguments.command == "is-made":
        sys.exit(0 if is_there(arguments.out) else 1)
    if arguments.name not in known:
        parser.error(f"no model {arguments.name}: see `list`")
    if arguments.again or not is_there(arguments.out):
        warnings.filterwarnings("ignore")
        print(json.dumps(make_one(arguments.name, arguments.out)))


if __name__ == "__main__":
    command(__doc__, entries(), make, is_made)
