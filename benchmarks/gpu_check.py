"""Everything there is to see on a GPU, in under ten minutes: `make gpu-check`, or `python -m benchmarks.gpu_check`.

The op suite, networks trained and scripts' ways with two devices (tests/test_gpu.py); the parity suite, where PyTorch is
installed (what it computes on the CPU is the answer); what cuDNN served against CuPy's own kernels; then `python -m benchmarks
--device cuda`, beside PyTorch where that sees the GPU. Exits with 0 if all agree, 1 if not, and 2, with one line, where no GPU
can be used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from tqdm import tqdm

import minigrad
from minigrad import nn
from minigrad.backends import cupy_cudnn

from .peers import PEERS

RNG = np.random.default_rng(0)
F = nn.functional


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, dtype=np.float32)


IMAGES = normal(4, 3, 9, 9)
SERVED: dict[str, tuple[Callable, list[np.ndarray]]] = {  # by cuDNN, where it is
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [IMAGES, normal(3), normal(3)]),
    "batch_norm, relu": (
        lambda x, w, b: nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.ReLU()).to(x.device)(x) * w.sum() + b.sum(),
        [IMAGES, normal(3), normal(3)],
    ),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [IMAGES, normal(8, 3, 3, 3), normal(8)]),
    "conv1d, groups": (lambda x, w: F.conv1d(x.flatten(2), w, padding=1, groups=3), [IMAGES, normal(6, 1, 3)]),
    "conv3d": (lambda x, w: F.conv3d(x[:, None], w, dilation=(1, 2, 1)), [IMAGES, normal(2, 1, 2, 3, 3)]),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w, stride=2), [IMAGES, normal(3, 4, 2, 2)]),
}


@contextmanager
def switched(**switches: bool) -> Iterator[None]:
    """With these of `torch.backends.cudnn`'s switches set."""
    before = dict(cupy_cudnn.SWITCHES)
    cupy_cudnn.SWITCHES.update(switches)
    try:
        yield
    finally:
        cupy_cudnn.SWITCHES.update(before)


def answers(function: Callable, arrays: list[np.ndarray], device: str) -> list[np.ndarray]:
    """A function's value on a device and, as arrays, the gradients of the sum of its squares."""
    tensors = [minigrad.from_numpy(a).to(device).requires_grad_() for a in arrays]
    y = function(*tensors)
    (y * y).sum().backward()
    return [t.detach().cpu().numpy() for t in (y, *(t.grad for t in tensors))]


def beside_plain(device: str) -> list[str]:
    """What cuDNN computes otherwise than CuPy's own kernels."""
    wrong = []
    for name in tqdm(SERVED, desc="cuDNN"):
        ours = answers(*SERVED[name], device)
        with switched(enabled=False):
            want = answers(*SERVED[name], device)
        gap = max(float(np.max(np.abs(a - b) / (1 + np.abs(b)))) for a, b in zip(ours, want, strict=True))
        if not gap < 2e-4:  # NaN is wrong, too
            wrong.append(f"{name}: {gap:.1e} away from CuPy's kernels")
    return wrong


def run(*arguments: str) -> int:
    """Another Python with these arguments; its exit status."""
    print("\n$ python", *arguments, flush=True)
    return subprocess.run([sys.executable, *arguments]).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_check", description="Checks and times minigrad on the GPU.")
    parser.add_argument("--device", default="cuda", help="what is checked against the CPU (%(default)s)")
    args = parser.parse_args()
    try:
        backend = minigrad.zeros(1, device=args.device).backend
    except RuntimeError as error:
        print(f"gpu-check: nothing was checked. {error}")
        return 2
    print(f"minigrad {minigrad.__version__} on {args.device}, backend {backend.name} {getattr(backend.xp, '__version__', '')}")
    suites = ["tests/test_gpu.py", *(["tests/parity"] if PEERS["torch"].trouble() is None else [])]
    wrong = run("-m", "pytest", "-q", "-n", "8", "--dist", "worksteal", "--tb", "line", "--device", args.device, *suites)
    differing = []
    if cupy_cudnn.serves():
        with switched(allow_tf32=False):
            differing = beside_plain(args.device)
    print("\n".join([cupy_cudnn.report(), *differing]))
    slower = run("-m", "benchmarks", "--quick", "--device", args.device, "--out", "runs/gpu")
    return int(bool(wrong or differing or slower))


if __name__ == "__main__":
    sys.exit(main())
