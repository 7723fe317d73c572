"""Device "cuda" as a whole on a stand-in for CuPy that is as strict as CuPy (strict_cupy.py): the op suite, networks trained,
what PyTorch lets a script do with two devices. On a machine with a GPU, `make gpu-check` runs the same on CuPy itself.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import minigrad
from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS
from minigrad import backends, nn, optim
from minigrad.core import Tensor
from minigrad.torch_face import devices

from .cases import CASES, Case
from .conftest import PLAIN
from .strict_cupy import COMPILER, stand_in
from .test_backends import ELSEWHERE, derivatives

F = nn.functional
pytestmark = pytest.mark.skipif(COMPILER is None, reason="compiles the kernels for the CPU: needs a C++ compiler")


@pytest.fixture(autouse=True, scope="module")
def gpu(request: pytest.FixtureRequest) -> Iterator[None]:
    """Device "cuda": that of `--device`, else found by the stand-in, and gone afterwards."""
    patch = pytest.MonkeyPatch()
    if request.config.getoption("--device") != "cpu":
        patch.setattr(Tensor, "numpy", PLAIN[0])
        patch.setattr(minigrad, "from_numpy", PLAIN[1])
        minigrad.set_default_device(None)
        yield
        minigrad.set_default_device("cuda")
        patch.undo()
        return
    stand_in(patch)
    patch.setitem(backends.BACKENDS, "cuda:0", backends.register(backends.find_cupy()))
    patch.setattr(devices, "is_available", lambda: True)
    yield
    patch.undo()
    backends.BACKENDS.pop("cuda:0", None)


def cuda(*data: Any, **options: Any) -> minigrad.Tensor:
    return minigrad.tensor(*data, device="cuda", **options)


@pytest.mark.parametrize("case", [c for c in CASES if c.name.split("-")[0] not in ELSEWHERE], ids=lambda c: c.name)
def test_every_op_with_both_gradients(case: Case) -> None:
    for here, there in zip(derivatives(case, "cpu"), derivatives(case, "cuda:0"), strict=True):
        assert here.shape == there.shape and here.dtype == there.dtype
        np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-9)


def test_cuda_is_cuda_0() -> None:
    for device in ("cuda", "cuda:0", 0, minigrad.device("cuda")):
        x = minigrad.zeros(2, device=device)
        assert x.is_cuda and x.device == minigrad.device("cuda:0") and x.backend is minigrad.ones(1).cuda().backend
    with pytest.raises(RuntimeError, match="expected one of .* got 'cuda:1'"):
        minigrad.zeros(2, device="cuda:1")


def test_the_default_device() -> None:
    before = minigrad.get_default_device()
    try:
        minigrad.set_default_device("cuda")
        assert minigrad.get_default_device() == minigrad.device("cuda:0")
        layer = nn.Linear(2, 3)
        assert layer.weight.is_cuda and layer(minigrad.randn(4, 2)).is_cuda and minigrad.tensor([1, 2]).is_cuda
        assert not minigrad.from_numpy(np.zeros(2)).is_cuda and not minigrad.zeros(2, device="cpu").is_cuda
        with minigrad.device("cpu"):
            assert not minigrad.zeros(2).is_cuda
        assert minigrad.arange(3).is_cuda
        packed = nn.utils.rnn.pack_padded_sequence(minigrad.randn(2, 5, 3), [5, 3], batch_first=True)
        assert packed.data.is_cuda and not packed.batch_sizes.is_cuda
        assert nn.LSTM(3, 4)(packed)[0].data.is_cuda
        with pytest.raises(RuntimeError, match="expected one of"):
            minigrad.set_default_device("abacus")
        assert minigrad.ones(1).is_cuda
    finally:
        minigrad.set_default_device(None)
    assert minigrad.get_default_device() == before and not minigrad.zeros(1).is_cuda


NETS: dict[str, tuple] = {
    "cnn": (lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.GELU(),
        nn.Flatten(), nn.Linear(24, 3)), (5, 1, 8, 8)),
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3)), (5, 6)),
    "transformer": (lambda: nn.Sequential(
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), nn.Flatten(), nn.Linear(24, 3)), (5, 3, 8)),
    "lstm": (lambda: nn.Sequential(nn.LSTM(4, 6, 2, batch_first=True), Last(), nn.Linear(6, 3)), (5, 3, 4)),
}  # fmt: skip
STEPS: dict[str, Any] = {
    "SGD": lambda p, device: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "SGD, lr on the device": lambda p, device: optim.SGD(p, lr=minigrad.tensor(0.1, device=device)),
    "Adam": lambda p, device: optim.Adam(p, lr=0.01),
    "AdamW, lr on the device": lambda p, device: optim.AdamW(p, lr=minigrad.tensor(0.01, device=device)),
    "RMSprop": lambda p, device: optim.RMSprop(p, lr=0.01),
}


class Last(nn.Module):
    def forward(self, found: tuple) -> minigrad.Tensor:
        return found[0][:, -1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("net", NETS)
def test_training_takes_the_steps_it_takes_on_the_cpu(net: str, step: str) -> None:
    make, size = NETS[net]
    minigrad.manual_seed(0)
    here, x, target = make(), minigrad.randn(size), minigrad.tensor([0, 1, 2, 0, 1])
    losses = []
    for device, model in (("cpu", here), ("cuda", copy.deepcopy(here).cuda())):
        optimizer, seen = STEPS[step](model.parameters(), device), []
        for _ in range(4):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x.to(device)), target.to(device))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            seen.append(loss.item())
        losses.append(seen)
        again = STEPS[step](model.parameters(), device)
        again.load_state_dict(optimizer.state_dict())
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_mixed_precision(kind: str) -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).cuda()
    optimizer, scaler = optim.SGD(model.parameters(), lr=0.1), minigrad.amp.GradScaler("cuda", init_scale=128.0)
    x, target, seen = minigrad.randn(5, 1, 8, 8).cuda(), cuda([0, 1, 2, 0, 1]), []
    for _ in range(4):
        optimizer.zero_grad()
        with minigrad.autocast("cuda", dtype=getattr(minigrad, kind)):
            out = model(x)
            loss = F.cross_entropy(out, target)
        assert str(out.dtype) == f"minigrad.{kind}"
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        seen.append(loss.item())
    assert seen[-1] < seen[0] and scaler.get_scale() == 128.0


@pytest.mark.parametrize("kind", ["int64", "int32", "int16", "int8", "uint8", "float16", "bfloat16", "float32", "float64"])
def test_adding_at_places_in_every_type(kind: str) -> None:
    """CuPy adds atomically in six types only."""
    at, part = cuda([0, 0, 2]), cuda([1, 2, 3]).to(kind)
    assert minigrad.zeros(3, device="cuda", dtype=kind).index_add_(0, at, part).tolist() == [3, 0, 3]
    assert minigrad.zeros(3, device="cuda", dtype=kind).scatter_add_(0, at, part).tolist() == [3, 0, 3]
    if kind == "int64":
        big = cuda([2**62, -(2**62), -5])
        assert minigrad.zeros(3, device="cuda", dtype=kind).index_add_(0, at, big).tolist() == [0, 0, -5]


def test_adding_complex_numbers_at_places() -> None:
    y = minigrad.zeros(2, device="cuda", dtype=minigrad.complex64).index_add_(0, cuda([1, 1]), cuda([1j, 2 + 1j]))
    assert y.tolist() == [0, 2 + 2j]


def test_what_is_written_comes_from_the_other_device() -> None:
    x, y = minigrad.zeros(3, device="cuda"), minigrad.zeros(3)
    assert x.copy_(minigrad.ones(3)).is_cuda and x.tolist() == [1, 1, 1]
    assert not y.copy_(x * 2).is_cuda and y.tolist() == [2, 2, 2]
    x[1:] = minigrad.tensor([5.0, 6.0])
    x[minigrad.tensor([0])] = 7.0
    assert x.tolist() == [7, 5, 6] and x[minigrad.tensor([2, 0])].tolist() == [6, 7]
    assert x[minigrad.tensor([True, False, True])].tolist() == [7, 6]
    w = minigrad.ones(3, requires_grad=True)
    x.copy_(w * 2).sum().backward()
    assert w.grad.tolist() == [2, 2, 2] and not w.grad.is_cuda
    with pytest.raises(RuntimeError, match="add: expected operands on one device, got cpu and cuda:0"):
        x + y


def test_states_travel() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = model.state_dict()
    there = copy.deepcopy(model).to("cuda")
    there.load_state_dict(state)
    assert all(t.is_cuda for t in there.state_dict().values())
    assert next(pickle.loads(pickle.dumps(there)).parameters()).is_cuda
    assert next(copy.deepcopy(there).parameters()).is_cuda
    assert not next(there.cpu().parameters()).is_cuda


def test_what_numpy_can_not_reach() -> None:
    x = cuda([1.0])
    for ask in (x.numpy, lambda: np.asarray(x)):
        with pytest.raises(TypeError, match="can't convert a cuda tensor. Hint: .cpu"):
            ask()
    assert str(x) == "tensor([1.], device='cuda:0')" and x.tolist() == [1.0] and x.cpu().numpy() == 1


def test_a_matrix_without_inverse_raises() -> None:
    """CuPy, left to itself, returns NaN or less."""
    with pytest.raises(RuntimeError, match="^inv: "):
        minigrad.linalg.inv(minigrad.zeros(2, 2, device="cuda"))
    with pytest.raises(RuntimeError, match="^cholesky: "):
        minigrad.linalg.cholesky(-minigrad.eye(2, device="cuda"))
    many = minigrad.eye(2, device="cuda") + minigrad.zeros(3, 1, 1, device="cuda")
    assert minigrad.linalg.solve(many, minigrad.ones(2, 2, device="cuda")).shape == (3, 2, 2)


@pytest.mark.parametrize("ask", [
    lambda i: minigrad.zeros(3, device="cuda")[i], lambda i: minigrad.zeros(3, device="cuda").gather(0, i),
    lambda i: nn.Embedding(3, 2).cuda()(i), lambda i: F.cross_entropy(minigrad.zeros(1, 3, device="cuda"), i),
])  # fmt: skip
def test_an_index_out_of_range_raises(ask: Any) -> None:
    """CuPy, left to itself, takes it modulo the size."""
    with pytest.raises(IndexError):
        ask(cuda([5]))


def test_functional_derivatives() -> None:
    w, f = minigrad.randn(3, device="cuda"), lambda w: (w.sin() ** 2).sum()
    for transform in (minigrad.func.grad(f), minigrad.func.hessian(f), minigrad.func.vmap(minigrad.func.grad(f))):
        many = w if transform.__name__ != "vmap" else minigrad.stack([w, w])
        assert transform(many).is_cuda
    x = minigrad.randn(2, 3, device="cuda")
    rows = minigrad.func.vmap(lambda row: row.reshape(3, 1).expand(3, 2).sum(1))(x)
    np.testing.assert_allclose(rows.cpu().numpy(), 2 * x.cpu().numpy(), rtol=1e-6)


def test_the_default_device_belongs_to_a_thread_and_outlasts_a_block() -> None:
    with minigrad.device("cuda"):
        with ThreadPoolExecutor(1) as pool:
            assert not pool.submit(minigrad.zeros, 1).result().is_cuda
        minigrad.set_default_device("cpu")
        assert minigrad.zeros(1).is_cuda
    assert not minigrad.zeros(1).is_cuda


def test_what_scripts_ask_about_the_machine() -> None:
    found = minigrad.cuda.get_device_properties(0)
    assert minigrad.cuda.get_device_name(0) == found.name
    assert minigrad.cuda.get_device_capability() == (found.major, found.minor)
    free, total = minigrad.cuda.mem_get_info()
    assert 0 < free <= total and total == pytest.approx(found.total_memory, rel=0.05)
    minigrad.cuda.synchronize()
    minigrad.cuda.empty_cache()


def test_streams_and_events() -> None:
    cuda = minigrad.cuda
    first, second = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    side, usual = cuda.Stream(), cuda.current_stream()
    first.record()
    side.wait_stream(usual)
    with cuda.stream(side):
        assert cuda.current_stream() == side != usual
        y = minigrad.ones(3, device="cuda").exp()
    usual.wait_stream(side)
    first.wait(side)
    second.record(side)
    side.record_event().synchronize()
    side.synchronize()
    assert cuda.current_stream() == usual == cuda.default_stream() and side.query() and second.query()
    assert first.elapsed_time(second) >= 0 and y.cpu().tolist() == pytest.approx([math.e] * 3)
    assert "allocated_bytes.all.current" in cuda.memory_summary() and minigrad.get_device(y) == 0


def test_an_old_cupy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["cupy"], "__version__", "13.6.0")
    with pytest.raises(RuntimeError, match="needs CuPy 14 or newer.*13.6.0 is installed"):
        backends.find_cupy()


def test_summary_of_a_model_on_the_gpu() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "Linear" in str(minigrad.summary(nn.Sequential(nn.Linear(2, 3)).cuda(), (4, 2)))


@pytest.mark.parametrize("name", ["mlp_sgd", "cnn_digits", "gpt", "lstm", "op_softmax", "op_adam", "scalar_chain"])
def test_workloads_of_the_benchmarks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = WORKLOADS[name].build(minigrad)
    here = [step() for _ in range(3)]
    monkeypatch.setattr(minigrad, "from_numpy", minigrad.from_numpy)  # so that it comes back
    try:
        PEERS["minigrad"].load(1, "cuda")
        step = WORKLOADS[name].build(minigrad)
        np.testing.assert_allclose([step() for _ in range(3)], here, rtol=1e-3)
    finally:
        minigrad.set_default_device(None)
    with pytest.raises(ValueError, match="jax is compared on the CPU only"):
        dataclasses.replace(PEERS["jax"], module="json", parts=()).load(1, "cuda")
