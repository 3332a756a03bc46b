"""The models that bench/simplify.py compares the simplifiers on: exports of today's exporters, and trained files.

    .deps/venv/bin/python bench/simplify_models.py OUT [--only NAME,...] [--list]

Every entry is exported in a process of its own, with fixed seeds, a dynamic batch, and weights that show (tests/zoo.py's
`settle`; nothing is downloaded). `ts` is torch.onnx.export(dynamo=False), the TorchScript exporter; `dy` is
torch.onnx.export(dynamo=True, optimize=False), what the exporter says before its own optimizer has run, and
`do` is the same with it. Trained files come out of wheels on PyPI, unpacked and never installed. What cannot be
made is listed with its reason in OUT/failures.json; a file that is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

# name in tests/zoo.py -> [(way, opset)]
IMAGES = {
    "tv_resnet18": [("ts", 13), ("dy", 18)],
    "tv_resnet50": [("do", 18)],
    "tv_mobilenet_v2": [("ts", 14), ("dy", 20)],
    "tv_mobilenet_v3_small": [("ts", 13), ("ts", 17), ("dy", 18)],
    "tv_efficientnet_b0": [("ts", 17), ("dy", 18)],
    "tv_densenet121": [("ts", 17)],
    "tv_googlenet": [("ts", 15)],
    "tv_inception_v3": [("ts", 16)],
    "tv_shufflenet_v2_x1_0": [("ts", 17), ("dy", 18)],
    "tv_squeezenet1_1": [("ts", 13)],
    "tv_regnet_y_400mf": [("ts", 17)],
    "tv_vit_b_16": [("ts", 17), ("dy", 18)],
    "tv_swin_t": [("ts", 17), ("dy", 18)],
    "tv_convnext_tiny": [("ts", 17), ("do", 20)],
    "tv_maxvit_t": [("ts", 17)],
    "timm_deit3_small_patch16_224": [("ts", 16), ("dy", 20)],
    "timm_levit_128s": [("ts", 17), ("dy", 18)],
    "timm_mobilevit_xxs": [("ts", 17), ("dy", 18)],
    "timm_edgenext_xx_small": [("ts", 17), ("dy", 20)],
    "timm_davit_tiny": [("ts", 17)],
    "timm_coatnet_nano_rw_224": [("ts", 17)],
    "timm_pvt_v2_b0": [("ts", 17), ("dy", 18)],
    "dinov3_vits16": [("ts", 17), ("dy", 18)],
    "dinov3_convnext_tiny": [("ts", 17), ("dy", 20)],
}


def _zoo(name):
    import zoo

    model, example = zoo.build(name)
    return model, (example,), ["pixel_values"], ["logits"], {"pixel_values": {0: "batch"}}


def _plain(model, names, pick):
    """Inputs by position, outputs as a tuple: a module that both exporters take."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *values):
            said = self.model(**dict(zip(names, values, strict=True)))
            return tuple(said[key] for key in pick)

    return Plain()


def _text(kind):
    """A small encoder with random weights and its example inputs: batch and sequence are dynamic."""
    import torch
    import transformers as t

    sizes = {"hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512}
    if kind == "bert":
        model = t.BertModel(t.BertConfig(vocab_size=2000, **sizes))
    elif kind == "roberta":
        model = t.RobertaModel(t.RobertaConfig(vocab_size=2000, **sizes))
    elif kind == "electra":
        model = t.ElectraModel(t.ElectraConfig(vocab_size=2000, embedding_size=64, **sizes))
    elif kind == "deberta":
        model = t.DebertaV2Model(t.DebertaV2Config(vocab_size=2000, **sizes))
    elif kind == "mpnet":
        model = t.MPNetModel(t.MPNetConfig(vocab_size=2000, **sizes))
    else:
        model = t.DistilBertModel(t.DistilBertConfig(vocab_size=2000, dim=128, n_layers=4, n_heads=4, hidden_dim=512))
    ids = torch.randint(5, 1900, (2, 12))
    mask = torch.ones(2, 12, dtype=torch.int64)
    mask[1, 9:] = 0
    names = ["input_ids", "attention_mask"]
    axes = {n: {0: "batch", 1: "sequence"} for n in names}
    model = _plain(model, names, ["last_hidden_state"])
    return model, (ids, mask), names, ["last_hidden_state"], axes


def _image(kind):
    import torch
    import transformers as t

    size = 224
    if kind == "vit":
        model = t.ViTModel(t.ViTConfig(hidden_size=192, num_hidden_layers=6, num_attention_heads=3, intermediate_size=768))
    elif kind == "swin":
        model = t.SwinModel(t.SwinConfig(embed_dim=48, depths=[2, 2, 2], num_heads=[3, 6, 12]))
    elif kind == "segformer":
        model = t.SegformerForSemanticSegmentation(t.SegformerConfig(num_labels=21))
    elif kind == "yolos":
        model = t.YolosForObjectDetection(
            t.YolosConfig(hidden_size=192, num_hidden_layers=6, num_attention_heads=3, intermediate_size=768,
                          image_size=[224, 224], num_detection_tokens=20)
        )
    elif kind == "detr":
        model = t.DetrForObjectDetection(
            t.DetrConfig(
                backbone_config=t.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 64, 64], depths=[1, 1, 1, 1],
                                               layer_type="basic", out_features=["stage4"]),
                use_timm_backbone=False, backbone=None, encoder_layers=2, decoder_layers=2, d_model=128)
        )
    else:
        raise KeyError(kind)
    pick = {"segformer": ["logits"], "yolos": ["logits", "pred_boxes"], "detr": ["logits", "pred_boxes"]}
    model = _plain(model, ["pixel_values"], pick.get(kind, ["last_hidden_state"]))
    return model, (torch.randn(2, 3, size, size),), ["pixel_values"], None, {"pixel_values": {0: "batch"}}


def _audio(kind):
    import torch
    import transformers as t

    if kind == "wav2vec2":
        model = t.Wav2Vec2Model(
            t.Wav2Vec2Config(hidden_size=192, num_hidden_layers=3, num_attention_heads=3, intermediate_size=768)
        )
        model = _plain(model, ["input_values"], ["last_hidden_state"])
        return model, (torch.randn(2, 8000),), ["input_values"], None, {"input_values": {0: "batch", 1: "samples"}}
    config = t.WhisperConfig(d_model=192, encoder_layers=3, encoder_attention_heads=3, encoder_ffn_dim=768)
    model = _plain(t.WhisperModel(config).encoder, ["input_features"], ["last_hidden_state"])
    return model, (torch.randn(2, 80, 3000),), ["input_features"], None, {"input_features": {0: "batch"}}


def _detector(kind):
    import torch
    import torchvision as tv

    options = {"weights": None, "weights_backbone": None}
    if kind == "deeplabv3":
        model = tv.models.segmentation.deeplabv3_mobilenet_v3_large(**options)
        return model, (torch.randn(2, 3, 224, 224),), ["image"], None, {"image": {0: "batch"}}
    if kind == "ssdlite":
        model = tv.models.detection.ssdlite320_mobilenet_v3_large(**options)
    else:
        model = tv.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(**options)
    return model, ([torch.rand(3, 320, 320)],), ["image"], ["boxes", "scores", "labels"], None


OTHERS = {
    "hf_bert": (lambda: _text("bert"), [("ts", 14), ("dy", 18)]),
    "hf_roberta": (lambda: _text("roberta"), [("ts", 17)]),
    "hf_distilbert": (lambda: _text("distilbert"), [("ts", 17), ("dy", 20)]),
    "hf_electra": (lambda: _text("electra"), [("ts", 17)]),
    "hf_deberta": (lambda: _text("deberta"), [("ts", 17)]),
    "hf_mpnet": (lambda: _text("mpnet"), [("ts", 17)]),
    "hf_vit": (lambda: _image("vit"), [("ts", 18), ("dy", 20)]),
    "hf_swin": (lambda: _image("swin"), [("ts", 17), ("dy", 18)]),
    "hf_segformer": (lambda: _image("segformer"), [("ts", 17), ("dy", 18)]),
    "hf_yolos": (lambda: _image("yolos"), [("ts", 17)]),
    "hf_detr": (lambda: _image("detr"), [("ts", 17)]),
    "hf_wav2vec2": (lambda: _audio("wav2vec2"), [("ts", 17)]),
    "hf_whisper_encoder": (lambda: _audio("whisper"), [("ts", 17), ("dy", 18)]),
    "tv_deeplabv3_mobilenet": (lambda: _detector("deeplabv3"), [("ts", 17), ("dy", 18)]),
    "tv_ssdlite320": (lambda: _detector("ssdlite"), [("ts", 17)]),
    "tv_fasterrcnn_mobilenet_320": (lambda: _detector("fasterrcnn"), [("ts", 17)]),
}

# package -> files of the wheel to take (a suffix of their path); each is a model that somebody trained.
TRAINED = {
    "silero-vad": ["silero_vad.onnx", "silero_vad_16k_op15.onnx"],
    "rapidocr-onnxruntime": ["ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx"],
    "magika": ["standard_v3_3/model.onnx"],
    "ddddocr": ["common_old.onnx", "common_det.onnx"],
}


def exports():
    """(file name, way, opset, make) of every export."""
    found = []
    for name, ways in IMAGES.items():
        found += [(f"{name}-{way}{opset}", way, opset, lambda n=name: _zoo(n)) for way, opset in ways]
    for name, (make, ways) in OTHERS.items():
        found += [(f"{name}-{way}{opset}", way, opset, make) for way, opset in ways]
    return found


def export(name, out):
    import warnings

    warnings.filterwarnings("ignore")
    import zoo

    zoo._import_torchvision()
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(20)
    _, way, opset, make = next(e for e in exports() if e[0] == name)
    model, example, inputs, outputs, axes = make()
    model.eval()
    part = out.with_suffix(".part")
    with torch.no_grad():
        if way == "ts":
            torch.onnx.export(model, example, part, dynamo=False, opset_version=opset, input_names=inputs,
                              output_names=outputs, dynamic_axes=axes)
        else:
            shapes = None
            if axes:
                shapes = tuple({a: torch.export.Dim.DYNAMIC for a in axes[i]} for i in inputs)
                if type(model).__name__ == "Plain":
                    shapes = (shapes,)  # *values is one argument
            program = torch.onnx.export(model, example, dynamo=True, opset_version=opset, input_names=inputs,
                                        output_names=outputs, dynamic_shapes=shapes, optimize=way == "do")
            program.save(part)
    import onnx

    made = onnx.load(part)  # external weights, if the exporter made some, become the file's own
    onnx.save(made, out)
    for left in out.parent.glob(part.name + "*"):
        left.unlink()


def unpack(package, out, failures):
    wanted = {s: out / f"{package}-{s.replace('/', '_')}" for s in TRAINED[package]}
    if all(p.exists() for p in wanted.values()):
        return
    with tempfile.TemporaryDirectory(dir=out) as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, package]
        done = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            failures[package] = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no wheel"
            return
        with zipfile.ZipFile(wheels[0]) as wheel:
            files = [n for n in wheel.namelist() if n.endswith(".onnx")]
            for suffix, path in wanted.items():
                match = next((n for n in files if n.endswith(suffix)), None)
                if match is None:
                    failures[f"{package}/{suffix}"] = f"{wheels[0].name} carries {files}"
                    continue
                path.write_bytes(wheel.read(match))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", help="names, comma between them")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one export")
    parser.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return export(arguments.one, arguments.out / f"{arguments.one}.onnx")
    only = set(filter(None, arguments.only.split(",")))
    names = [e[0] for e in exports() if not only or e[0] in only or e[0].rsplit("-", 1)[0] in only]
    if arguments.list:
        print("\n".join([*names, *TRAINED]))
        return 0
    arguments.out.mkdir(parents=True, exist_ok=True)
    listed = arguments.out / "failures.json"
    failures = json.loads(listed.read_text()) if listed.exists() else {}
    for package in TRAINED:
        if not only or package in only:
            unpack(package, arguments.out, failures)
    for name in names:
        if (arguments.out / f"{name}.onnx").exists():
            failures.pop(name, None)
            continue
        command = [sys.executable, Path(__file__).resolve(), arguments.out, "--one", name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout)
            said = done.stderr.strip().splitlines()
            reason = None if done.returncode == 0 else (said[-1][:300] if said else f"exit {done.returncode}")
        except subprocess.TimeoutExpired:
            reason = f"no result within {arguments.timeout} s"
        failures.pop(name, None)
        if reason:
            failures[name] = reason
            for left in arguments.out.glob(f"{name}.*"):
                left.unlink()
        print(f"{name}: {reason or 'made'}", flush=True)
        listed.write_text(json.dumps(failures, indent=1, sort_keys=True) + "\n")
    listed.write_text(json.dumps(failures, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
