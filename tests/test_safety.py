"""Autograd that can't be led astray: NumPy's arrays, threads and tasks, forks, exceptions, long runs and huge graphs."""

from __future__ import annotations

import copy
import gc
import importlib
import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn, optim
from minigrad.backends import GradError
from minigrad.core import walk

from .test_engine import leaf, scalar

# -- arrays taken from tensors -----------------------------------------------------------------------------------------

TAKEN: dict[str, Callable[[Tensor], np.ndarray]] = {
    "numpy": lambda w: w.numpy(), "force": lambda w: w.numpy(force=True), "asarray": np.asarray,
    "detach": lambda w: w.detach().numpy(), "data": lambda w: w.data.numpy(), "a view": lambda w: w[:].numpy(),
    "reshape": lambda w: w.reshape(1, 2).numpy()[0], "expand": lambda w: w.expand(2, 2).numpy()[0],
    "transpose": lambda w: w.reshape(1, 2).T.numpy()[:, 0], "split": lambda w: w.split(2)[0].numpy(),
    "iteration": lambda w: next(iter(w.reshape(1, 2))).numpy(), "cpu": lambda w: w.cpu().numpy(),
    "contiguous": lambda w: w.contiguous().numpy(), "as_tensor": lambda w: minigrad.as_tensor(w).numpy(),
    "a parameter": lambda w: nn.Parameter(w).detach().numpy(), "copied": lambda w: np.array(w),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("when", ["input", "output"])
def test_an_array_of_a_saved_tensor_is_read_only_or_a_copy(name: str, when: str) -> None:
    x, w = leaf(1, 2), minigrad.tensor([3.0, 4.0], dtype="float64")
    saved = w if when == "input" else (x * 0 + w).exp()
    loss = (x * w).sum() if when == "input" else saved.sum()
    (want,) = minigrad.autograd.grad(loss, x, retain_graph=True)
    if when == "output" and name in ("numpy", "asarray", "copied"):
        with pytest.raises(RuntimeError, match="requires grad"):
            TAKEN[name](saved)
        return
    if when == "output" and name not in ("force", "detach", "data", "a parameter"):
        saved = saved.detach()
    array = TAKEN[name](saved)
    if name != "copied":
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 100.0
    else:
        array[0] = 100.0
    loss.backward()
    assert x.grad.tolist() == want.tolist()


# -- backward twice ----------------------------------------------------------------------------------------------------


def test_backward_twice_says_which_line_ran_the_first() -> None:
    x = leaf(1, 2)
    y = (x * x).sum()
    line = sys._getframe().f_lineno + 1
    y.backward()
    for again in (y.backward, lambda: minigrad.autograd.grad(y, x), lambda: (y * 2).backward()):
        with pytest.raises(GradError, match=rf"mul saved were freed by an earlier backward, .*test_safety.py:{line}\. Hint"):
            again()
    assert x.grad.tolist() == [2, 4]


# -- exceptions of user code -------------------------------------------------------------------------------------------


class Boom(Exception):
    """A user's own."""


def boom(*_: Any, **__: Any) -> Any:
    raise Boom("mine")


class Bad(nn.Module):
    forward = boom


class BadDataset(minigrad.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        raise Boom("mine")


class BadForward(minigrad.autograd.Function):
    forward = staticmethod(boom)


class BadBackward(minigrad.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    backward = staticmethod(boom)


def hooked(register: Callable[[nn.Module, Tensor], Any]) -> None:
    net, x = nn.Linear(3, 3), minigrad.ones(2, 3, requires_grad=True)
    register(net, x)
    net(x).sum().backward()


RAISING: dict[str, Callable[[], Any]] = {
    "module": lambda: nn.Sequential(Bad())(minigrad.ones(2)),
    "function forward": lambda: BadForward.apply(leaf(1)),
    "function backward": lambda: BadBackward.apply(leaf(1)).sum().backward(),
    "tensor hook": lambda: hooked(lambda net, x: x.register_hook(boom)),
    "parameter hook": lambda: hooked(lambda net, x: net.weight.register_hook(boom)),
    "forward hook": lambda: hooked(lambda net, x: net.register_forward_hook(boom)),
    "forward pre-hook": lambda: hooked(lambda net, x: net.register_forward_pre_hook(boom)),
    "backward hook": lambda: hooked(lambda net, x: net.register_full_backward_hook(boom)),
    "backward pre-hook": lambda: hooked(lambda net, x: net.register_full_backward_pre_hook(boom)),
    "after accumulation": lambda: hooked(lambda net, x: net.weight.register_post_accumulate_grad_hook(boom)),
    "dataset": lambda: list(minigrad.data.DataLoader(BadDataset(), 2)),
    "collate_fn": lambda: list(minigrad.data.DataLoader([1, 2], 2, collate_fn=boom)),
    "closure": lambda: optim.SGD([leaf(1)], lr=0.1).step(boom),
    "lr_lambda": lambda: optim.lr_scheduler.LambdaLR(optim.SGD([leaf(1)], lr=0.1), boom),
    "vmap": lambda: minigrad.vmap(boom)(minigrad.ones(2, 3)),
    "grad": lambda: minigrad.func.grad(boom)(minigrad.ones(())),
    "jacobian": lambda: minigrad.autograd.functional.jacobian(boom, minigrad.ones(2)),
    "checkpoint": lambda: minigrad.utils.checkpoint.checkpoint(boom, leaf(1), use_reentrant=False),
    "apply": lambda: nn.Linear(2, 2).apply(boom),
    "fit": lambda: minigrad.train.fit(Bad(), boom, optim.SGD([leaf(1)], lr=0.1), [(minigrad.ones(1), minigrad.ones(1))],
                                      progress=False),
}  # fmt: skip


@pytest.mark.parametrize("name", RAISING)
@pytest.mark.parametrize("around", [minigrad.no_grad, minigrad.enable_grad, minigrad.record, minigrad.autograd.detect_anomaly])
def test_an_exception_of_user_code_comes_through_and_leaves_all_as_it_was(name: str, around: Callable) -> None:
    """The modes around are checked by a fixture of every test."""
    if name not in ("dataset", "collate_fn", "closure", "vmap", "module", "apply") and around is minigrad.no_grad:
        around = minigrad.enable_grad
    with pytest.raises(Boom, match="^mine$"), around():
        RAISING[name]()
    assert minigrad.is_grad_enabled()
    x = leaf(1, 2)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]


# -- threads and processes ---------------------------------------------------------------------------------------------


def descent(seed: int) -> list[float]:
    """Some steps of training, in a generator of their own."""
    generator = minigrad.Generator().manual_seed(seed)
    w = minigrad.randn(4, 3, generator=generator).requires_grad_()
    optimizer, losses = optim.Adam([w], lr=0.1), []
    for _ in range(20):
        loss = (minigrad.randn(5, 4, generator=generator) @ w).tanh().square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_threads_train_as_if_alone() -> None:
    want, found = [descent(seed) for seed in range(4)], [[]] * 4  # type: ignore[var-annotated]

    def work(seed: int) -> None:
        found[seed] = descent(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == want


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_train_as_if_alone(method: str) -> None:
    """Also after kernels have run here, so that a fork finds threads of theirs."""
    want = descent(3)
    conv = nn.functional.conv2d(minigrad.ones(2, 3, 16, 16), minigrad.ones(8, 3, 3, 3))
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(descent, [3, 3]).get(timeout=60) == [want, want]
        assert pool.apply_async(convolved).get(timeout=60) == conv.sum().item()


def convolved() -> float:
    return nn.functional.conv2d(minigrad.ones(2, 3, 16, 16), minigrad.ones(8, 3, 3, 3)).sum().item()


# -- long and large ----------------------------------------------------------------------------------------------------


def test_memory_is_flat_over_1_000_steps_with_the_collector_off() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.LayerNorm(8), nn.Linear(8, 3))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.999)
    x, target = minigrad.randn(6, 4), minigrad.tensor([0, 1, 2, 0, 1, 2])

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), target).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()

    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        held, left = [], []
        for steps in (100, 250, 250, 250, 250):
            for _ in range(steps):
                step()
            left.append(gc.collect())  # empties Python's own free lists, too
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    finally:
        gc.enable()
    assert not any(left[1:]), f"{left} objects were in reference cycles"
    grown = [after - before for before, after in itertools.pairwise(held)]
    assert min(grown) < 2_500, f"{grown} bytes more after each 250 steps"  # now and then, another thread's or a cache's


def test_200_000_deep() -> None:
    """Forward, a record of it, backward, drawing, printing, copying and freeing: none may recurse."""
    x = scalar(1.0)
    y = x
    for _ in range(200_000):
        y = y * 1.0
    assert "mul" in repr(y)
    first = minigrad.autograd.grad(y, x, retain_graph=True)[0]
    assert "502 nodes" in str(minigrad.viz.draw(y))  # of a chain this long the middle is one node
    twin = copy.deepcopy(x)
    assert len(walk([y.grad_fn])) == 200_000
    y.backward()
    assert x.grad.item() == first.item() == 1 and twin.item() == 1
    gone = weakref.ref(y.grad_fn)
    del y
    assert gone() is None


def test_100_000_wide() -> None:
    x = scalar(1.0)
    parts = [x * float(k % 7) for k in range(100_000)]
    y = minigrad.stack(parts).sum()
    y.backward()
    assert x.grad.item() == sum(k % 7 for k in range(100_000))
    del parts, y


def test_a_deep_module_is_printed_moved_and_saved_without_recursion() -> None:
    """As deep as Python's own limit allows a user to call it."""
    net: nn.Module = nn.Linear(2, 2)
    for _ in range(150):
        net = nn.Sequential(net)
    assert len(net.state_dict()) == 2 and net.double().eval() is net
    net(minigrad.ones(1, 2, dtype=minigrad.float64)).sum().backward()
    assert repr(net).count("Sequential") == 150 and copy.deepcopy(net) is not net


# -- libraries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("MINIGRAD_ONEDNN", "off"), ("MINIGRAD_ONEDNN", "/nowhere/libdnnl.so"),
                                             ("MINIGRAD_KERNELS", "numpy"), ("OMP_NUM_THREADS", "3"), ("OMP_NUM_THREADS", "x"),
                                             ("OPENBLAS_NUM_THREADS", "2")])  # fmt: skip
def test_settings_and_missing_libraries_leave_the_numbers_right(name: str, value: str) -> None:
    program = (
        "import minigrad; x = minigrad.ones(2, 3, 8, 8, requires_grad=True); "
        "minigrad.nn.functional.conv2d(x, minigrad.ones(4, 3, 3, 3)).sum().backward(); print(x.grad.sum().item())"
    )
    environment = {**os.environ, name: value}
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=environment, check=True, capture_output=True)
    assert float(told.stdout) == 4 * 9 * 36 * 3 * 2


def test_a_library_cut_short_does_not_end_the_process(tmp_path: Path) -> None:
    """The system's loader would be killed by the first page that is missing."""
    opened = importlib.import_module("minigrad.backends.onednn.library").library()
    if opened is None:
        pytest.skip("oneDNN is not installed")
    whole, cut = Path(opened.lib._name).read_bytes(), tmp_path / "libdnnl.so.3"
    program = "import minigrad as m; print(m.nn.functional.conv2d(m.ones(1, 1, 4, 4), m.ones(1, 1, 3, 3)).sum().item())"
    for size in (63, 64, 4_000, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        environment = {**os.environ, "MINIGRAD_ONEDNN": str(cut)}
        told = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
        assert told.stdout == "36.0\n" and ("cut short" in told.stderr or "file too short" in told.stderr)
