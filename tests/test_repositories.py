"""What public code does with PyTorch beside its documented names: methods of layers, older spellings, insides."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.nn import functional as F

# -- layers ------------------------------------------------------------------------------------------------------------------


def test_a_convolution_by_another_weight() -> None:
    layer, x = nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), minigrad.randn(1, 2, 5, 5)
    expected = layer(x) * 2 - layer.bias.reshape(3, 1, 1)
    assert minigrad.allclose(layer._conv_forward(x, layer.weight * 2, layer.bias), expected, atol=1e-6)
    same = nn.Conv2d(1, 1, (3, 4), padding="same")
    assert same._reversed_padding_repeated_twice == [1, 2, 1, 1] and same.output_padding == (0, 0) and not same.transposed
    assert nn.ConvTranspose1d(1, 1, 3, 2, output_padding=1).transposed


def test_batch_norm_asks_its_own_method_whether_the_input_fits() -> None:
    class AnyRank(nn.modules.batchnorm._BatchNorm):
        def _check_input_dim(self, input: Any) -> None:
            if input.ndim < 2:
                raise ValueError("too flat")

    y = AnyRank(3)(minigrad.randn(4, 3, 2, 2, 2, 2))
    assert y.shape == (4, 3, 2, 2, 2, 2) and abs(y.mean().item()) < 1e-6
    with pytest.raises(ValueError, match="too flat"):
        AnyRank(3)(minigrad.randn(3))


@pytest.mark.parametrize("norm_first", [False, True])
def test_the_parts_of_transformer_layers_can_be_called_and_replaced(norm_first: bool) -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0, norm_first=norm_first)
    x = minigrad.randn(3, 2, 4)
    if norm_first:
        by_hand = x + layer._sa_block(layer.norm1(x), None, None)
        by_hand = by_hand + layer._ff_block(layer.norm2(by_hand))
    else:
        by_hand = layer.norm1(x + layer._sa_block(x, None, None))
        by_hand = layer.norm2(by_hand + layer._ff_block(by_hand))
    assert minigrad.allclose(layer(x), by_hand)

    class Still(nn.TransformerDecoderLayer):
        def _mha_block(self, x: Any, mem: Any, *rest: Any) -> Any:
            return minigrad.zeros_like(x)

    still = Still(4, 2, 8, 0.0)
    assert still(x, minigrad.randn(5, 2, 4)).tolist() == still(x, minigrad.randn(5, 2, 4)).tolist()


def test_other_tensors_in_the_place_of_a_recurrent_layers_weights() -> None:
    layer, x = nn.LSTM(2, 3), minigrad.randn(4, 1, 2)
    layer._flat_weights = [w * 0 for w in layer._flat_weights]
    assert layer(x)[0].abs().sum() == 0 and len(list(layer.parameters())) == 4


def test_a_distribution_of_a_users_own() -> None:
    class Shifted(minigrad.distributions.Distribution):
        arg_constraints = {"loc": minigrad.distributions.constraints.real}
        support = minigrad.distributions.constraints.real

        def __init__(self, loc: Any, shift: Any) -> None:
            self.loc, self.shift = minigrad.distributions.utils.broadcast_all(loc, shift)
            super().__init__(self.loc.shape)

        def rsample(self, sample_shape: Any = ()) -> Any:
            shape = self._extended_shape(sample_shape)
            return self.loc + self.shift + 0 * minigrad.distributions.utils._standard_normal(shape, self.loc.dtype, "cpu")

        def log_prob(self, value: Any) -> Any:
            self._validate_sample(value)
            return -value

    d = Shifted(minigrad.zeros(2), 1.0)
    assert d.rsample((3,)).tolist() == [[1.0, 1.0]] * 3 and d._extended_shape() == (2,)
    with pytest.raises(ValueError, match="must be a Tensor"):
        d.log_prob(1.0)


def test_probabilities_and_logits() -> None:
    utils = minigrad.distributions.utils
    p = minigrad.tensor([0.2, 0.8], dtype="float64")
    assert minigrad.allclose(utils.logits_to_probs(utils.probs_to_logits(p)), p)
    assert minigrad.allclose(utils.logits_to_probs(utils.probs_to_logits(p, is_binary=True), is_binary=True), p)


# -- layouts -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied",
    [lambda x: x.repeat(1, 4, 1), lambda x: x.tile(1, 4, 1), lambda x: x.expand(2, 4, 3).clone()],
)
def test_a_repeated_tensor_lies_in_rows_so_that_its_views_are_views(copied: Callable) -> None:
    x = copied(minigrad.ones(2, 1, 3))
    assert x.is_contiguous() and x.stride() == (12, 3, 1)
    x.view(-1, 3)[1] = 5
    assert x.sum() == 24 + 3 * 4


def test_a_grid_with_nan_gives_nan_there_alone() -> None:
    grid = minigrad.tensor([[[[float("nan"), 0.0], [0.0, 0.0], [float("inf"), 0.0], [1e30, 0.0]]]])
    y = F.grid_sample(minigrad.ones(1, 1, 4, 4), grid, align_corners=False).flatten()
    assert minigrad.isnan(y).tolist() == [True, False, True, False] and y[[1, 3]].tolist() == [1.0, 0.0]


# -- optimizers --------------------------------------------------------------------------------------------------------------


def test_the_factor_may_come_first_as_it_did() -> None:
    x, a, b = minigrad.tensor([1.0, 2.0]), minigrad.tensor([3.0, 4.0]), minigrad.tensor([2.0, 0.5])
    for old, new in [
        (lambda: x.add(2, a), x.add(a, alpha=2)), (lambda: x.sub(2, a), x.sub(a, alpha=2)),
        (lambda: x.addcmul(2, a, b), x.addcmul(a, b, value=2)), (lambda: x.addcdiv(-0.5, a, b), x.addcdiv(a, b, value=-0.5)),
        (lambda: x.clone().add_(2, a), x.add(a, alpha=2)), (lambda: x.clone().addcdiv_(3, a, b), x.addcdiv(a, b, value=3)),
    ]:  # fmt: skip
        with pytest.warns(UserWarning, match="deprecated: write (alpha|value)= after"):
            assert old().tolist() == new.tolist()
    with pytest.raises(TypeError, match="add_: too many positional arguments"):
        x.add_(1, a, b)


def test_an_optimizer_around_another_that_was_never_initialized() -> None:
    class Lookahead(optim.Optimizer):
        def __init__(self, optimizer: optim.Optimizer) -> None:
            self.optimizer, self.param_groups = optimizer, optimizer.param_groups
            self.slow = [p.detach().clone() for p in self.param_groups[0]["params"]]

        def step(self, closure: Any = None) -> Any:
            loss = self.optimizer.step(closure)
            for p, slow in zip(self.param_groups[0]["params"], self.slow, strict=True):
                slow.add_(p.data - slow, alpha=0.5)
                p.data.copy_(slow)
            return loss

    p = nn.Parameter(minigrad.tensor([1.0]))
    p.grad = minigrad.tensor([1.0])
    wrapped = Lookahead(optim.SGD([p], 1.0))
    wrapped.step()
    assert p.tolist() == [0.5] and wrapped.stepped


def test_adagrad_has_its_sums_from_the_start() -> None:
    p = nn.Parameter(minigrad.ones(2))
    state = optim.Adagrad([p], initial_accumulator_value=0.5).state[p]
    assert state["step"] == 0 and state["sum"].tolist() == [0.5, 0.5]


def test_calls_for_lists_of_tensors() -> None:
    xs, ys = [minigrad.tensor([1.0, 2.0]), minigrad.tensor([3.0])], [minigrad.tensor([2.0, 4.0]), minigrad.tensor([5.0])]

    def lists(found: Any) -> list:
        return [x.tolist() for x in found]

    assert lists(minigrad._foreach_add(xs, ys, alpha=2)) == [[5.0, 10.0], [13.0]]
    assert lists(minigrad._foreach_mul(xs, [2.0, 3.0])) == [[2.0, 4.0], [9.0]]
    assert lists(minigrad._foreach_maximum(xs, 1.5)) == [[1.5, 2.0], [3.0]]
    assert lists(minigrad._foreach_lerp(xs, ys, 0.5)) == [[1.5, 3.0], [4.0]]
    assert lists(minigrad._foreach_pow(2.0, xs)) == [[2.0, 4.0], [8.0]]
    assert lists(minigrad._foreach_addcdiv(xs, ys, xs, minigrad.tensor([1.0, 3.0]))) == [[3.0, 4.0], [8.0]]
    assert lists(minigrad._foreach_norm(ys, 1)) == [6.0, 5.0] and lists(minigrad._foreach_powsum(xs)) == [5.0, 9.0]
    kept = [x.clone() for x in xs]
    assert minigrad._foreach_sub_(kept, ys) is kept and lists(kept) == [[-1.0, -2.0], [-2.0]]
    with pytest.raises(RuntimeError, match=r"_foreach_add: Tensor lists must have the same number of tensors, got 2 and 1"):
        minigrad._foreach_add(xs, ys[:1])
    with pytest.raises(RuntimeError, match="_foreach_sqrt: Tensor list must have at least one tensor"):
        minigrad._foreach_sqrt([])
    with pytest.raises(TypeError, match="_foreach_abs: expected a list of tensors, got Tensor"):
        minigrad._foreach_abs(xs[0])


def test_a_step_that_records_only_if_asked_to() -> None:
    class Descent(optim.Optimizer):
        @optim.optimizer._use_grad_for_differentiable
        def step(self, closure: Any = None) -> bool:
            return minigrad.is_grad_enabled()

    p = nn.Parameter(minigrad.ones(1))
    assert [Descent([p], {"differentiable": way}).step() for way in (True, False)] == [True, False]


def test_tensors_by_their_types() -> None:
    group = minigrad.utils._foreach_utils._group_tensors_by_device_and_dtype
    a, b, c = minigrad.ones(1), minigrad.ones(1, dtype="float64"), minigrad.zeros(1)
    found = {key[1].name: value for key, value in group([[a, b, c], []], with_indices=True).items()}
    assert found["float32"][0][0] == [a, c] and found["float32"][1] == [0, 2] and found["float64"][0] == [[b], []]


# -- insides -----------------------------------------------------------------------------------------------------------------


def test_no_module_is_a_compiled_one() -> None:
    assert not isinstance(nn.Linear(1, 1), minigrad.jit.ScriptModule)
    assert not isinstance(nn.Linear(1, 1), minigrad.fx.GraphModule)
    with pytest.raises(RuntimeError, match=r"fx.Graph: .*minigrad.record\(\)"):
        minigrad.fx.Graph()
    assert minigrad.fx.wrap("name") == "name" and minigrad.futures.Future[int] is not None


def test_checks() -> None:
    minigrad._assert(minigrad.tensor(True), "fine")
    with pytest.raises(AssertionError, match="too small"):
        minigrad._assert(minigrad.tensor(1) > 2, "too small")
    with pytest.raises(RuntimeError, match="no"):
        minigrad._check(False, lambda: "no")


def test_code_is_not_downloaded_and_the_folder_for_weights_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", "/somewhere")
    assert minigrad.hub.get_dir() == "/somewhere/hub" and minigrad.hub.HASH_REGEX.search("net-0a1b.pth")
    with pytest.raises(RuntimeError, match="minigrad does not download code"):
        minigrad.hub.load("owner/repository", "net")


def test_a_split_by_the_names_of_its_two_ways() -> None:
    x = minigrad.arange(5)
    assert [p.tolist() for p in minigrad.tensor_split(x, indices=(1, 3))] == [[0], [1, 2], [3, 4]]
    assert [p.tolist() for p in minigrad.tensor_split(x, sections=2)] == [[0, 1, 2], [3, 4]]
    with pytest.raises(TypeError, match="tensor_split: expected one of indices_or_sections, indices and sections, got 2"):
        minigrad.tensor_split(x, 2, sections=2)


def test_a_condition_of_uint8_counts_as_boolean() -> None:
    mask, x = minigrad.tensor([1, 0], dtype="uint8"), minigrad.tensor([1.0, 2.0])
    with pytest.warns(UserWarning, match="where: a condition of type uint8 is deprecated"):
        assert np.array_equal(minigrad.where(mask, x, -x).numpy(), [1.0, -2.0])


def test_the_timeout_of_a_users_alarm_stays_one() -> None:
    def alarm(*_: Any) -> None:
        raise TimeoutError("too long")

    before = signal.signal(signal.SIGALRM, alarm)
    x = minigrad.randn(300, 300)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TimeoutError, match="^too long$"):
            for _ in range(100_000):
                x @ x
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_arguments_by_the_names_that_pytorchs_methods_have() -> None:
    x = minigrad.arange(6.0).reshape(2, 3)
    assert [p.shape for p in x.split(split_size=2, dim=1)] == [(2, 2), (2, 1)]
    assert x.view(size=(3, 2)).shape == (3, 2) and x.view(dtype=minigrad.int32).dtype is minigrad.int32
    assert x.sum_to_size(size=(2, 1)).tolist() == [[3.0], [12.0]]
    assert (
        x.max(other=minigrad.full_like(x, 3)).tolist() == [[3, 3, 3], [3, 4, 5]]
        and minigrad.min(x, other=x).tolist() == x.tolist()
    )
    assert minigrad.empty(50).uniform_(2, to=3).min() >= 2 and minigrad.empty(50).random_(to=2).max() <= 1


def test_a_reversible_block_draws_the_same_numbers_again() -> None:
    """As reversible networks are written: the state of the random numbers is kept, and what was drawn is drawn again."""
    state = minigrad.get_rng_state()
    devices, states = minigrad.utils.checkpoint.get_device_states(minigrad.ones(1))
    first, follows = minigrad.rand(3), minigrad.rand(1)
    assert not minigrad.cuda._initialized and minigrad.distributed.Backend.GLOO == "gloo"
    minigrad.set_rng_state(state)
    minigrad.rand(3)
    with minigrad.random.fork_rng(devices=devices, enabled=True):
        minigrad.set_rng_state(state)
        minigrad.utils.checkpoint.set_device_states(devices, states)
        assert minigrad.rand(3).tolist() == first.tolist()
    assert minigrad.rand(1).tolist() == follows.tolist()
