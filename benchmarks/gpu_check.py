"""Everything there is to see on a GPU, in under ten minutes: `make gpu-check`, or `python -m benchmarks.gpu_check`.

Ops with their gradients and a training step against the same on the CPU; what cuDNN served against CuPy's own kernels; then a
training step timed with and without cuDNN and beside PyTorch's, where that is installed and sees the GPU. Exits with 0 if all
agree, 1 if not, and 2, with one line, where no GPU can be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from tqdm import tqdm

import minigrad
from minigrad import nn
from minigrad.backends import cupy_cudnn

from .peers import PEERS
from .report import duration
from .workloads.cnn import cnn

RNG = np.random.default_rng(0)
F = nn.functional


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, dtype=np.float32)


IMAGES, ROWS = normal(4, 3, 9, 9), normal(6, 10)
CLASSES = np.array([1, 2, 3, 0, 9, 4])
CHECKS: dict[str, tuple[Callable, list[np.ndarray]]] = {
    "add, mul": (lambda x, y: x * y + x, [ROWS, normal(10)]),
    "exp, tanh, gelu": (lambda x: x.exp() + x.tanh() + F.gelu(x), [ROWS]),
    "relu": (F.relu, [ROWS]),
    "matmul": (lambda x, y: x @ y, [ROWS, normal(10, 4)]),
    "linear": (F.linear, [ROWS, normal(5, 10), normal(5)]),
    "sum, mean, var": (lambda x: x.sum(0) + x.mean(0) + x.var(0), [ROWS]),
    "amax, cumsum": (lambda x: x.amax(1, keepdim=True) + x.cumsum(1), [ROWS]),
    "sort": (lambda x: x.sort(1)[0], [ROWS]),
    "indexing": (lambda x: x[[0, 2, 2], 1:4] + x[1, ::3][:3], [ROWS]),
    "softmax": (lambda x: F.softmax(x, 1), [ROWS]),
    "log_softmax": (lambda x: F.log_softmax(x, 1), [ROWS]),
    "cross_entropy": (lambda x: F.cross_entropy(x, minigrad.from_numpy(CLASSES).to(x.device)), [ROWS]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (10,), w, b), [ROWS, normal(10), normal(10)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [IMAGES, normal(3), normal(3)]),
    "batch_norm, relu": (
        lambda x, w, b: nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.ReLU()).to(x.device)(x) * w.sum() + b.sum(),
        [IMAGES, normal(3), normal(3)],
    ),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [IMAGES, normal(8, 3, 3, 3), normal(8)]),
    "conv1d, groups": (lambda x, w: F.conv1d(x.flatten(2), w, padding=1, groups=3), [IMAGES, normal(6, 1, 3)]),
    "conv3d": (lambda x, w: F.conv3d(x[:, None], w, dilation=(1, 2, 1)), [IMAGES, normal(2, 1, 2, 3, 3)]),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w, stride=2), [IMAGES, normal(3, 4, 2, 2)]),
    "max_pool2d, avg_pool2d": (lambda x: F.max_pool2d(x, 2) + F.avg_pool2d(x, 2), [IMAGES]),
    "inverse": (lambda x: minigrad.linalg.inv(x @ x.T + 10 * minigrad.eye(6, device=x.device)), [ROWS]),
}


SERVED = ("batch_norm", "batch_norm, relu", "conv2d", "conv1d, groups", "conv3d", "conv_transpose2d")  # by cuDNN, where it is


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


def training(lib: Any, net: Any, device: str) -> Callable[[], float]:
    """A step of Adam on a batch of 64 images 28x28."""
    net, rng = net.to(device), np.random.default_rng(0)
    x = lib.from_numpy(rng.standard_normal((64, 1, 28, 28), dtype=np.float32)).to(device)
    target = lib.from_numpy(rng.integers(0, 10, 64)).to(device)
    optimizer, loss_of = lib.optim.Adam(net.parameters(), lr=1e-3), lib.nn.CrossEntropyLoss()

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(net(x), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def compared(device: str) -> list[str]:
    """What a device computes otherwise than the CPU."""
    wrong = []
    for name, (function, arrays) in tqdm(CHECKS.items(), desc="ops"):
        try:
            for ours, want in zip(answers(function, arrays, device), answers(function, arrays, "cpu"), strict=True):
                np.testing.assert_allclose(ours, want, rtol=2e-4, atol=2e-4)
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__} {str(error).strip().splitlines()[0]}")
    losses = []
    for where in (device, "cpu"):
        minigrad.manual_seed(0)
        step = training(minigrad, cnn(minigrad, 28, 32, 64), where)
        losses.append([step() for _ in range(3)])
    if not np.allclose(*losses, rtol=1e-3):
        wrong.append(f"training: losses {losses[0]}, on the CPU {losses[1]}")
    return wrong


def beside_plain(device: str) -> list[str]:
    """What cuDNN computes otherwise than CuPy's own kernels."""
    wrong = []
    for name in tqdm(SERVED, desc="cuDNN"):
        ours = answers(*CHECKS[name], device)
        with switched(enabled=False):
            want = answers(*CHECKS[name], device)
        gap = max(float(np.max(np.abs(a - b) / (1 + np.abs(b)))) for a, b in zip(ours, want, strict=True))
        if not gap < 2e-4:  # NaN is wrong, too
            wrong.append(f"{name}: {gap:.1e} away from CuPy's kernels")
    return wrong


def timed(step: Callable[[], float], seconds: float) -> float:
    """The median time of a step; its result is read, so the device has finished."""
    for _ in range(3):
        step()
    times, end = [], perf_counter() + seconds
    while perf_counter() < end or len(times) < 5:
        start = perf_counter()
        step()
        times.append(perf_counter() - start)
    return median(times)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_check", description="Checks and times minigrad on the GPU.")
    parser.add_argument("--device", default="cuda", help="what is checked against the CPU (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="how long each library is timed (%(default)s)")
    args = parser.parse_args()
    try:
        backend = minigrad.zeros(1, device=args.device).backend
    except RuntimeError as error:
        print(f"gpu-check: nothing was checked. {error}")
        return 2
    print(f"minigrad {minigrad.__version__} on {args.device}, backend {backend.name} {getattr(backend.xp, '__version__', '')}")
    with switched(allow_tf32=False):
        wrong = compared(args.device)
        print("\n".join([f"{len(CHECKS)} groups of ops and a training step, {len(wrong)} wrong", *wrong]))
        differing = beside_plain(args.device) if cupy_cudnn.serves() else []
    print("\n".join([cupy_cudnn.report(), *differing]))
    own = timed(training(minigrad, cnn(minigrad, 28, 32, 64), args.device), args.seconds)
    with switched(enabled=False):
        plain = timed(training(minigrad, cnn(minigrad, 28, 32, 64), args.device), args.seconds)
    print(f"CNN 32-64 on 64 images 28x28, Adam: minigrad {duration(own)}, with cuDNN switched off {duration(plain)}")
    if PEERS["torch"].trouble() is None:
        torch = PEERS["torch"].load(1)
        if args.device == "cpu" or torch.cuda.is_available():
            theirs = timed(training(torch, cnn(torch, 28, 32, 64), args.device), args.seconds)
            print(f"PyTorch {torch.__version__} {duration(theirs)}, ratio {theirs / own:.2f} (above 1 minigrad is faster)")
    return int(bool(wrong or differing))


if __name__ == "__main__":
    sys.exit(main())
