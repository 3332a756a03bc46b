"""torchvision's operators on the CPU, by its own kernels or by onnxport's, in a process of their own.

    python tests/torchvision_kernels.py LIBRARY operators OUT.npz
    python tests/torchvision_kernels.py LIBRARY model MODEL.pt PICTURE.npy OUT.npz

LIBRARY: `own` for torchvision's `_C.so`, else the path of the plugin that has onnxport's. PyPI's
torchvision is linked to CUDA, of which nothing runs on the CPU: stand-ins of functions that give 0 take its
place (gcc and nm are needed).
"""

import ctypes
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent / "fixtures"))
from torch_without_cuda import stand_in  # noqa: E402

CUDA = re.compile(r"__cuda|cuda|_ZNK?(3c10|2at)4cuda")


def symbols(library, which):
    lines = subprocess.run(["nm", "-D", which, library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in lines.splitlines()}


def load_own(folder):
    """torchvision's library; empty ones for those of CUDA that are not here."""
    found = importlib.util.find_spec("torchvision")
    library = Path(found.origin).parent / "_C.so"
    torch_libraries = Path(torch.__file__).parent / "lib"
    there = set().union(*(symbols(p, "--defined-only") for p in torch_libraries.glob("libtorch_cpu.so")))
    missing = {name for name in symbols(library, "--undefined-only") - there if CUDA.match(name)}
    needed = subprocess.run(["readelf", "-dW", library], capture_output=True, text=True, check=True).stdout
    for name in re.findall(r"NEEDED\).*\[(libcudart\S*|libc10_cuda\S*|libtorch_cuda\S*)\]", needed):
        versioned = [s.split("@")[0] for s in missing if s.split("@")[-1] == name]
        plain = [s for s in missing if "@" not in s] if "c10" in name else []
        stand_in(folder, name, {**({name: set(versioned)} if versioned else {}), "": set(plain)})
        ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    torch.ops.load_library(str(library))


def boxes(generator, count, size):
    low = torch.rand(count, 2, generator=generator) * size
    return torch.cat([low, low + torch.rand(count, 2, generator=generator) * size / 2], 1)


def operators():
    """Name -> result, of the same inputs whoever computes them."""
    vision, out = torch.ops.torchvision, {}
    for seed in range(3):
        g = torch.Generator().manual_seed(seed)
        found = boxes(g, 200, 100.0)
        scores = torch.rand(200, generator=g)
        for limit in (0.2, 0.5, 0.7):
            out[f"nms {limit} {seed}"] = vision.nms(found, scores, limit)
        equal = (scores * 4).round() / 4  # ties keep their order
        out[f"nms of equal scores {seed}"] = vision.nms(found, equal, 0.5)
        x = torch.randn(2, 18, 25, 31, generator=g)
        rois = torch.cat([torch.randint(2, (40, 1), generator=g), boxes(g, 40, 60.0) - 5], 1)
        for scale in (1.0, 0.5, 0.25):
            for ratio in (0, 2, 3):
                for aligned in (False, True):
                    out[f"roi_align {scale} {ratio} {aligned} {seed}"] = vision.roi_align(
                        x, rois, scale, 5, 7, ratio, aligned)
                out[f"ps_roi_align {scale} {ratio} {seed}"] = vision.ps_roi_align(x, rois, scale, 3, 3, ratio)[0]
            out[f"roi_pool {scale} {seed}"] = vision.roi_pool(x, rois, scale, 5, 7)[0]
        for stride, pad, dilation, groups, offset_groups, use_mask in (
            (1, 1, 1, 1, 1, True), (2, 0, 1, 2, 1, False), (1, 2, 2, 3, 2, True), (2, 1, 1, 1, 3, True)
        ):
            weight = torch.randn(12, 18 // groups, 3, 3, generator=g) / 10
            height = (25 + 2 * pad - dilation * 2 - 1) // stride + 1
            width = (31 + 2 * pad - dilation * 2 - 1) // stride + 1
            offset = torch.randn(2, offset_groups * 18, height, width, generator=g) * 2
            mask = torch.rand(2, offset_groups * 9, height, width, generator=g)
            if not use_mask:
                mask = torch.zeros(2, 1)
            out[f"deform_conv2d {stride} {pad} {dilation} {groups} {offset_groups} {use_mask} {seed}"] = (
                vision.deform_conv2d(x, weight, offset, mask, torch.randn(12, generator=g), stride, stride, pad,
                                     pad, dilation, dilation, groups, offset_groups, use_mask))
    return out


def model(path, picture):
    """What a scripted detector finds in one picture."""
    found = torch.jit.load(path).eval()([torch.from_numpy(np.load(picture))])
    return dict((found[1] if isinstance(found, tuple) else found)[0])


def main():
    library, what, *rest = sys.argv[1:]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        if library == "own":
            load_own(Path(folder))
        else:
            torch.ops.load_library(library)
        out = operators() if what == "operators" else model(*rest[:2])
    np.savez(rest[-1], **{name: value.numpy() for name, value in out.items()})
    sys.stdout.flush()
    os._exit(0)  # CUDA's stand-ins are not to be unloaded


if __name__ == "__main__":
    main()
