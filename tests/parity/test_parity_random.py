"""PyTorch's stream gives PyTorch's numbers, to the last bit: many seeds, sizes, types and layouts; and its order of draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad

from ..torch_draws import DRAWS, ROUNDED, SEEDS, drawn

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.usefixtures("torch_stream"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of bounds, empty tensors, nested tensors
]
TYPES = ("float32", "float64", "float16", "bfloat16")


@pytest.mark.parametrize("draw", DRAWS)
def test_every_draw(draw: str) -> None:
    for seed in SEEDS:
        want, got = drawn(torch, draw, seed), drawn(minigrad, draw, seed)
        if draw.startswith(ROUNDED):
            assert sum(got, []) == pytest.approx(sum(want, []), rel=2e-6)
        else:
            assert got == want


def both(draw: Any) -> None:
    """The same numbers from `draw(torch)` and `draw(minigrad)`, and the same place afterwards."""
    for seed in SEEDS:
        got = []
        for t in (torch, minigrad):
            t.manual_seed(seed)
            got.append([draw(t).double().numpy(), t.rand(1).numpy()])
        for mine, their in zip(*got, strict=True):
            np.testing.assert_array_equal(mine, their)


FILLS = {
    "uniform_": (-0.3, 0.7), "normal_": (0.2, 1.7), "exponential_": (1.5,), "geometric_": (0.1,), "cauchy_": (0.1, 2.0),
    "log_normal_": (0.1, 0.6), "bernoulli_": (0.3,), "random_": (),
}  # fmt: skip


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 31, 32, 1000])
def test_sizes(fill: str, dtype: str, n: int) -> None:
    both(lambda t: getattr(t.empty(n, dtype=getattr(t, dtype)), fill)(*FILLS[fill]))


def test_a_great_many_normal_numbers() -> None:
    both(lambda t: t.randn(200_003))


@pytest.mark.parametrize("bounds", [(0, 10), (-5, 3), (0, 2**28), (0, 2**28 - 1), (-(2**40), 2**40), (0, 2**24 + 5), (7, None)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_whole_numbers(bounds: tuple, dtype: str) -> None:
    both(lambda t: t.empty(50, dtype=getattr(t, dtype)).random_(*bounds))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_whole_numbers_of_a_type(dtype: str) -> None:
    both(lambda t: t.empty(50, dtype=getattr(t, dtype)).random_())


@pytest.mark.parametrize("n", [0, 1, 2, 100, 20_000])
def test_orders(n: int) -> None:
    both(lambda t: t.randperm(n))


LAYOUTS = {
    "turned": lambda x: x.transpose(0, 1), "permuted": lambda x: x.permute(2, 0, 1), "cut": lambda x: x[:, 1:3],
    "column": lambda x: x[:, :, 0], "row": lambda x: x[1], "turned and cut": lambda x: x.permute(1, 2, 0)[:, ::2],
}  # fmt: skip


@pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
def test_numbers_come_in_the_order_of_memory(view: Any) -> None:
    for fill in ("uniform_", "normal_", "exponential_", "bernoulli_", "random_"):
        both(lambda t, fill=fill: getattr(view(t.zeros(4, 6, 5)), fill)())
    for like in ("rand_like", "randn_like"):
        both(lambda t, like=like: getattr(t, like)(view(t.zeros(4, 6, 5))))
    both(lambda t: t.randint_like(view(t.zeros(4, 6, 5)), 10))
    both(lambda t: t.nn.functional.dropout(view(t.ones(4, 6, 5)), 0.3))
    both(lambda t: t.bernoulli(view(t.full((4, 6, 5), 0.4))))


OUTPUTS = """
nn.Linear(5, 6)(x(4, 3, 5).transpose(0, 1))
nn.Conv1d(3, 4, 3)(x(2, 3, 9))
nn.Conv1d(3, 4, 3)(x(2, 3, 9)).transpose(1, 2)
nn.Conv2d(3, 4, 3)(x(2, 3, 9, 8))
nn.Conv2d(3, 4, 3)(x(3, 9, 8))
nn.Conv2d(3, 4, 3)(x(2, 3, 9, 8))[:, 1:3]
nn.Conv2d(3, 4, 3)(x(2, 3, 9, 8)).flatten(2).transpose(1, 2)
nn.ConvTranspose2d(3, 4, 3)(x(2, 3, 5, 4))
nn.MaxPool2d(2)(x(2, 3, 8, 8))
nn.AdaptiveAvgPool2d(2)(x(2, 3, 8, 8))
nn.BatchNorm2d(3)(x(2, 3, 4, 4))
nn.LayerNorm(4)(x(2, 3, 4).transpose(0, 1))
nn.LSTM(4, 5)(x(3, 2, 4))[0]
nn.LSTM(4, 5, batch_first=True)(x(3, 2, 4))[0]
nn.GRU(4, 5, 2, bidirectional=True, batch_first=True)(x(3, 2, 4))[0]
nn.RNN(4, 5, batch_first=True)(x(3, 2, 4))[0]
nn.Embedding(9, 4)(torch.randint(9, (3, 5)).t())
nn.MultiheadAttention(8, 2)(x(4, 3, 8), x(4, 3, 8), x(4, 3, 8))[0]
nn.MultiheadAttention(8, 2, batch_first=True)(x(4, 3, 8), x(4, 3, 8), x(4, 3, 8))[0]
nn.functional.softmax(x(2, 3, 4).transpose(1, 2), -1)
torch.tanh(x(3, 4, 5).permute(2, 0, 1)) * 2
x(2, 4, 3).transpose(1, 2) @ x(2, 4, 5)
""".strip().splitlines()


@pytest.mark.parametrize("output", OUTPUTS)
def test_dropout_of_what_layers_give(output: str) -> None:
    def dropped(t: Any) -> Any:
        y = eval(output, {"torch": t, "nn": t.nn, "x": lambda *shape: t.randn(*shape) + 3})
        return (t.nn.functional.dropout(y, 0.4) != 0).to(t.float32)

    both(dropped)


LAYERS = """
Linear(5, 7)
Linear(50, 70, bias=False)
Bilinear(3, 4, 5)
Conv1d(3, 4, 3)
Conv2d(4, 8, 3, groups=2)
Conv3d(1, 2, 3)
ConvTranspose2d(3, 4, 3)
RNN(5, 7, 2, bidirectional=True)
LSTM(5, 7, 2, proj_size=3)
GRU(5, 7, 2)
RNNCell(3, 4)
LSTMCell(3, 4)
GRUCell(3, 4)
Embedding(10, 4, padding_idx=2)
EmbeddingBag(10, 4)
MultiheadAttention(8, 2)
MultiheadAttention(8, 2, kdim=4, vdim=6)
MultiheadAttention(8, 2, add_bias_kv=True)
TransformerEncoderLayer(8, 2, 16)
TransformerDecoderLayer(8, 2, 16)
Transformer(8, 2, 2, 2, 16)
TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3)
BatchNorm2d(4)
LayerNorm(4)
PReLU(3)
AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])
""".strip().splitlines()


@pytest.mark.parametrize("layer", LAYERS)
def test_first_parameters(layer: str) -> None:
    def parameters(t: Any) -> Any:
        made = eval(f"nn.{layer}", {"nn": t.nn})
        return t.cat([p.detach().flatten() for p in made.parameters()])

    both(parameters)


@pytest.mark.parametrize("fill", ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_"])
@pytest.mark.parametrize("shape", [(2, 3), (7, 5), (40, 30), (4, 3, 2)])
def test_init(fill: str, shape: tuple) -> None:
    both(lambda t: getattr(t.nn.init, fill)(t.empty(*shape)))


@pytest.mark.parametrize("options", [{"std": 0.02}, {"a": 0.5, "b": 3.0}, {"a": 2.0, "b": 3.0}, {"a": -0.1, "b": 0.1}])
def test_truncated(options: dict) -> None:
    both(lambda t: t.nn.init.trunc_normal_(t.empty(20, 30), **options))


class Noisy:
    def __init__(self, t: Any) -> None:
        self.t = t

    def __len__(self) -> int:
        return 37

    def __getitem__(self, i: int) -> Any:
        return self.t.tensor(float(i)) + 0.5 * self.t.rand(()) + 0.1 * float(np.random.rand())


SAMPLERS = {
    "in order": lambda t, data: {}, "shuffled": lambda t, data: {"shuffle": True},
    "a generator": lambda t, data: {"shuffle": True, "generator": t.Generator().manual_seed(9)},
    "again": lambda t, data: {"sampler": data.RandomSampler(range(37), True, 64, t.Generator().manual_seed(9))},
    "more": lambda t, data: {"sampler": data.RandomSampler(range(37), False, 80)},
    "twice": lambda t, data: {"sampler": data.RandomSampler(range(37), False, 74, t.Generator().manual_seed(9))},
    "weighted": lambda t, data: {"sampler": data.WeightedRandomSampler([1.0, 2.0, 3.0, 0.5] * 9 + [1.0], 30)},
    "each once": lambda t, data: {"sampler": data.WeightedRandomSampler([1.0, 2.0, 3.0, 0.5] * 9 + [1.0], 30, False)},
    "subset": lambda t, data: {"sampler": data.SubsetRandomSampler(range(30))},
    "shared": lambda t, data: {"sampler": data.DistributedSampler(range(37), 2, 1)},
}  # fmt: skip


@pytest.mark.parametrize("options", SAMPLERS.values(), ids=SAMPLERS)
def test_loaders(options: Any) -> None:
    def epochs(t: Any) -> Any:
        np.random.seed(0)
        loader = t.utils.data.DataLoader(Noisy(t), batch_size=5, **options(t, t.utils.data))
        return t.cat([batch for _ in range(3) for batch in (*loader, t.rand(2))])

    both(epochs)


def test_a_loader_with_workers() -> None:
    def epochs(t: Any) -> Any:
        loader = t.utils.data.DataLoader(Noisy(t), batch_size=5, shuffle=True, num_workers=2)
        return t.cat([batch for _ in range(2) for batch in (*loader, t.rand(2))])

    both(epochs)


@pytest.mark.parametrize("n", [0, 1, 5, 623, 624, 625, 1248])
def test_states_are_exchanged(n: int) -> None:
    for t in (torch, minigrad):
        t.manual_seed(7)
        t.zeros(n, dtype=t.int32).random_()
        t.randn(3)
    assert minigrad.get_rng_state().tolist() == torch.get_rng_state().tolist()
    minigrad.manual_seed(0)
    minigrad.set_rng_state(minigrad.tensor(torch.get_rng_state().numpy()))
    assert minigrad.randn(2).tolist() == torch.randn(2).tolist() and minigrad.initial_seed() == torch.initial_seed()
    torch.set_rng_state(torch.tensor(minigrad.get_rng_state().numpy()))
    assert minigrad.rand(700).tolist() == torch.rand(700).tolist()


def test_poisson() -> None:
    both(lambda t: t.poisson(t.arange(300.0).reshape(20, 15) / 7))


@pytest.mark.parametrize("p", [0.03, 0.5, 0.55, 0.98])
def test_binomial(p: float) -> None:
    both(lambda t: t.binomial(t.arange(300.0).reshape(20, 15), t.full((20, 15), p)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gamma_and_dirichlet(dtype: str, torch_stream: None) -> None:
    """Equal to rounding: here the logarithm is drawn, so that small numbers are not 0."""
    for lib in (minigrad, torch):
        lib.manual_seed(5)
    shapes = np.linspace(0.02, 9, 300).astype(dtype)
    for make in (lambda d, a: d.Gamma(a, a), lambda d, a: d.Dirichlet(a.reshape(60, 5)), lambda d, a: d.Beta(a, a.flip(0)),
                 lambda d, a: d.StudentT(a + 2)):  # fmt: skip
        got, want = (make(t.distributions, t.tensor(shapes)).sample((3,)).numpy() for t in (minigrad, torch))
        np.testing.assert_allclose(got, want, rtol=2e-5 if dtype == "float32" else 2e-7, atol=1e-30)
        assert minigrad.rand(2).tolist() == torch.rand(2).tolist()


def test_von_mises_and_correlations(torch_stream: None) -> None:
    for lib in (minigrad, torch):
        lib.manual_seed(5)
    for make in (lambda t, k: t.distributions.VonMises(k / 3, k), lambda t, k: t.distributions.LKJCholesky(2, k)):
        got, want = (make(t, t.linspace(0.1, 9, 30)).sample((40,)).numpy() for t in (minigrad, torch))
        np.testing.assert_allclose(got**2, want**2, rtol=1e-4, atol=1e-5)  # a diagonal is the root of what is left of 1
        assert minigrad.rand(2).tolist() == torch.rand(2).tolist()


@pytest.mark.parametrize("seed", [0, 3])
def test_rounding_of_fused_multiply_add_is_seen(seed: int) -> None:
    both(lambda t: t.empty(3000, dtype=t.float64).uniform_(-math.pi, math.e))
