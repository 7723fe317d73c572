"""`checkup`: what is likely wrong with a training, found by looking at its data, its first gradients and a short rehearsal.

A finding is a suspicion with its numbers, not a proof. The limits below are far from what sound trainings show, so that silence
is common and a finding worth a look.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..core import Tensor, mode
from ..nn import BatchNorm1d, BatchNorm2d, BatchNorm3d, Module, ReLU, Sigmoid, Tanh
from ..nn.dropout import Dropout
from ..ops.functions import cat
from ..ops.random import get_rng_state, set_rng_state
from ..optim import Optimizer
from .measure import layer_gradients, norm, outputs

BATCHES = 50  # how many are looked at; the first is the one that the model is tried on
STEPS = 20  # of the rehearsal, all on the first batch
LITTLE, MUCH = 0.001, 0.1  # shares by which the loss falls in it
SLOWER, FASTER = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6), (1e1, 1e2, 1e4, 1e6, 1e8)  # other rates, tried if it does not
LARGE = 30.0  # an input's mean or deviation that nobody normalized
DEEP = 1e8  # a range of |dL/dz|^2 over the layers that says vanishing or exploding
HALF = 0.5  # a share of dead or saturated units that is too many
FEW = 8  # values behind each mean of a batch norm
SORTED = 6.0  # standard errors by which equal labels follow each other too often
NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d)


class Finding(NamedTuple):
    """A suspicion: what (a word or two), what was seen, with its numbers, and what to try."""

    what: str
    seen: str
    hint: str

    def __str__(self) -> str:
        return f"{self.what}: {self.seen}. Hint: {self.hint}"


class Checkup(list):
    """The findings of `checkup`, a list; printing it gives a line for each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing looks wrong"

    __repr__ = __str__

    def add(self, found: Any, what: str, seen: str, hint: str) -> None:
        if found:
            self.append(Finding(what, seen, hint))


def checkup(
    model: Module, loss: Callable[[Any, Any], Tensor], loader: Iterable, optimizer: Optimizer | None = None, *,
    held_out: Iterable | None = None, step: Callable[[Any, Any], Any] | None = None,
) -> Checkup:  # fmt: skip
    """Look for usual mistakes of a training that is about to begin: a list of findings, empty if nothing looks wrong.

    loss        `loss(model(x), y)`, a scalar
    loader      batches (x, y) of the training set, in the order in which they would be used; the first 50 are looked at
    optimizer   is rehearsed for 20 steps on the first batch, with a copy of the model
    held_out    batches that must not have been trained on
    step        the user's own training step, `step(x, y)`; it is called twice at rate 0 on the optimizer given, to see whether
                gradients are cleared and the model is in training mode

    Looked for: labels in order, inputs that are not finite or far from 0, held-out cases that are in the training set;
    a model in evaluation mode, batch norm over fewer than 8 values, likely mistakes that the library warns of; parameters
    without a gradient or unknown to the optimizer, gradients that vanish, explode or are not finite, units that are copies of
    each other, dead or saturated; a rate that is too high or too low, a batch that can't be learnt; gradients not cleared.
    Model, optimizer and random numbers are left as they were; a generator of the loader's own moves on. Raises ValueError for
    a loader without batches, a model that can't be copied, and for `step` without an optimizer; what model and loss raise
    comes through.
    """
    if step is not None and optimizer is None:
        raise ValueError("checkup: step needs the optimizer that it uses. Hint: checkup(..., optimizer, step=step)")
    state = get_rng_state()
    first, labels, known = None, [], set()  # of 50 batches only one is kept: they may be large
    for batch in islice(loader, BATCHES):
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ValueError(f"checkup: expected batches (x, y), got {type(batch).__name__}. Hint: a list of pairs will do")
        first = first or batch
        labels += classes(batch[1])
        known |= set() if held_out is None else cases(batch[0])
    if first is None:
        raise ValueError("checkup: the loader has no batch")
    found = Checkup()
    try:
        of_inputs(found, first[0])
        of_labels(found, np.array(labels))
        for_leaks(found, known, set().union(*(cases(batch[0]) for batch in islice(held_out or (), BATCHES))))
        try:
            twin = copy.deepcopy(model)
        except RuntimeError as error:
            raise ValueError(f"checkup: the model can't be copied: {error}. Of weight_norm the one in "
                             "nn.utils.parametrizations can") from None  # fmt: skip
        sound = of_model(found, twin, loss, *first)
        if optimizer is not None:
            of_optimizer(found, model, optimizer)
        if optimizer is not None and sound:
            rehearsed(found, model, loss, optimizer, *first)
        if step is not None:
            of_step(found, model, optimizer, step, *first)
    finally:
        set_rng_state(state)
    return found


# -- the data --------------------------------------------------------------------------------------------------------------


def floating(x: Any) -> np.ndarray | None:
    """A batch's numbers if it is a tensor of real numbers."""
    return x.numpy(force=True) if isinstance(x, Tensor) and x.is_floating_point() and x.numel() else None


def cases(x: Any) -> set[int]:
    """What the cases of a batch are told apart by; nothing for those of one or two numbers, which may be equal by chance."""
    array = floating(x)
    if array is None or array.ndim < 2 or array[0].size < 3:
        return set()
    return {hash(case.tobytes()) for case in array}


def classes(y: Any) -> list[int]:
    """A batch's labels, if it has one class for each case."""
    return y.tolist() if isinstance(y, Tensor) and not y.is_floating_point() and y.ndim == 1 else []


def of_inputs(found: Checkup, x: Any) -> None:
    """Whether the numbers of a batch are finite, and near 0."""
    array = floating(x)
    if array is None:
        return
    bad = array.size - int(np.isfinite(array).sum())
    found.add(bad, "inputs", f"{bad} of {array.size} numbers of the first batch are not finite", "drop or repair these cases")
    mean, sd = (0.0, 0.0) if bad else (float(array.mean()), float(array.std()))
    found.add(max(abs(mean), sd) > LARGE, "inputs", f"mean {mean:.3g} and deviation {sd:.3g}",
              "normalize them by the training set's mean and deviation")  # fmt: skip


def of_labels(found: Checkup, row: np.ndarray) -> None:
    """Whether equal labels follow each other more often than chance would have it."""
    if row.size < 32:
        return
    alike = float(((np.unique(row, return_counts=True)[1] / row.size) ** 2).sum())  # the chance that two are equal
    seen = float((row[1:] == row[:-1]).mean())
    error = math.sqrt(alike * (1 - alike) / (row.size - 1))
    found.add(alike == 1, "labels", f"all {row.size} labels are {row[0]}", "shuffle, and look at how labels are made")
    found.add(alike < 1 and seen > alike + SORTED * error, "order", f"{seen:.0%} of neighbours have one label, by chance "
              f"{alike:.0%} would", "DataLoader(..., shuffle=True)")  # fmt: skip


def for_leaks(found: Checkup, known: set[int], asked: set[int]) -> None:
    """Whether held-out cases are among those trained on."""
    both = len(known & asked)
    found.add(both > 0.01 * len(asked), "leak", f"{both} of {len(asked)} held-out cases are in the training batches too",
              "split before anything else, and leave copies out")  # fmt: skip


# -- the model and its first gradients ---------------------------------------------------------------------------------------


def of_model(found: Checkup, model: Module, loss: Callable, x: Any, y: Any) -> bool:
    """One pass through a copy of the model; whether its loss can be trained."""
    modes(found, model)
    model.train()
    model.zero_grad()
    few = [name for name, args in inputs_of(model, NORMS, x) if args[0].numel() / args[0].shape[1] < FEW]
    found.add(few, "batch norm", f"fewer than {FEW} values behind each mean in {', '.join(few[:3])}",
              "larger batches, or group or layer norm")  # fmt: skip
    with warnings.catch_warnings(record=True) as caught, outputs(model) as given:
        warnings.simplefilter("always")
        value = loss(model(x), y)
    for text in dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, UserWarning)):
        what, _, hint = text.partition(" Hint: ")
        found.add(True, "warning", what.rstrip("."), hint or "see the library's warning")
    finite = math.isfinite(value.item())
    found.add(not finite, "loss", f"it is {value.item()} at the start", "look for a division, a logarithm or too large weights")
    found.add(not value.requires_grad, "gradient", "the loss depends on no parameter that wants a gradient",
              "look for detach(), .data, no_grad() or requires_grad=False")  # fmt: skip
    if not finite or not value.requires_grad:
        return False
    units(found, model, given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        slopes = [slope for slope in layer_gradients(model, x, y, loss, weighty(model)).values() if slope > 0]
    value.backward()
    gradients(found, model)
    down = slopes[0] / slopes[-1] if len(slopes) > 2 else 1.0
    for met, what, how in ((down < 1 / DEEP, "vanishing", "smaller"), (down > DEEP, "exploding", "larger")):
        times = math.sqrt(max(down, 1 / down))
        found.add(met, what, f"gradients of the lowest layer's output are {times:.1e} times {how} than the top's",
                  "skips, normalization, He's first weights, or ReLU in place of sigmoids")  # fmt: skip
    return True


def weighty(model: Module) -> tuple[type, ...]:
    """The classes of the layers with weight matrices."""
    kinds = {type(m) for m in model.modules() if any(p.ndim > 1 for p in m.parameters(recurse=False))}
    return tuple(kinds) or (Module,)


def modes(found: Checkup, model: Module) -> None:
    """Layers that behave otherwise in evaluation, and are in it though they are to be trained."""
    asleep = [name or type(layer).__name__ for name, layer in model.named_modules()
              if not layer.training and isinstance(layer, (*NORMS, Dropout))
              and (isinstance(layer, Dropout) or any(p.requires_grad for p in layer.parameters()))]  # fmt: skip
    found.add(asleep, "mode", f"in evaluation mode: {', '.join(asleep[:3])}", "model.train() before training")


def inputs_of(model: Module, kinds: tuple, x: Any) -> list[tuple[str, tuple]]:
    """(name, arguments) of the layers of some kinds, in a pass by itself."""
    seen: list = []
    hooks = [layer.register_forward_pre_hook(lambda layer, args, name=name: seen.append((name, args)))
             for name, layer in model.named_modules() if isinstance(layer, kinds)]  # fmt: skip
    with mode(grad=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hooks:
            model(x)
    for hook in hooks:
        hook.remove()
    return seen


def units(found: Checkup, model: Module, given: dict[str, Tensor]) -> None:
    """Units that say one thing whatever they are shown."""
    layers = dict(model.named_modules())
    last = next(reversed(given), None)
    for name, z in given.items():
        array, layer = z.numpy(force=True), layers[name]
        if array.ndim < 2 or array.shape[0] < 32 or name == last:
            continue
        if isinstance(layer, ReLU):
            unit = 1 if array.ndim == 4 else array.ndim - 1
            idle = float((array == 0).all(tuple(k for k in range(array.ndim) if k != unit)).mean())
            found.add(idle > HALF, "dead units", f"{idle:.0%} of the units of {name} are 0 for the whole batch",
                      "smaller first weights or rate, biases at 0, or normalized inputs")  # fmt: skip
        if isinstance(layer, (Sigmoid, Tanh)):
            flat = abs(array) > 0.99 if isinstance(layer, Tanh) else (array < 0.01) | (array > 0.99)
            share = float(flat.mean())
            found.add(share > HALF, "saturated", f"{share:.0%} of the outputs of {name} are at their ends",
                      "normalized inputs, or smaller first weights")  # fmt: skip


def gradients(found: Checkup, model: Module) -> None:
    """What backpropagation left at the parameters."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    lost = [name for name, p in named if p.grad is None]
    found.add(lost, "gradient", f"none arrives at {', '.join(lost[:3])} ({len(lost)} of {len(named)} parameters)",
              "look for a layer that is not used, detach() or .data")  # fmt: skip
    wild = [name for name, p in named if p.grad is not None and not bool(p.grad.isfinite().all())]
    found.add(wild, "gradient", f"not finite at {', '.join(wild[:3])}", "minigrad.autograd.detect_anomaly() names the op")
    least = 1e-6 * max((float(p.grad.abs().max().item()) for _, p in named if p.grad is not None and p.numel()), default=0.0)
    twins = [
        name
        for name, p in named
        if p.grad is not None and p.ndim > 1 and len(p) > 1 and apart(p) == 0 and apart(p.grad) <= least
    ]
    found.add(twins, "copies", f"all units of {twins[:1]} have equal weights and equal gradients, and so will stay equal",
              "random first weights")  # fmt: skip


def apart(x: Tensor) -> float:
    """The largest difference of two rows."""
    rows = x.numpy(force=True).reshape(len(x), -1)
    return float(np.ptp(rows, 0).max(initial=0.0))


# -- the optimizer and the user's step -----------------------------------------------------------------------------------------


def of_optimizer(found: Checkup, model: Module, optimizer: Optimizer) -> None:
    """Whether it has the model's parameters."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    lost = [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in held]
    found.add(lost, "optimizer", f"it does not have {', '.join(lost[:3])} ({len(lost)} parameters)",
              "make it after the model is complete and on its device")  # fmt: skip


def rehearsed(found: Checkup, model: Module, loss: Callable, optimizer: Optimizer, x: Any, y: Any) -> None:
    """A short training of copies on one batch, as it is, and at other rates if that goes wrong."""

    def trained(factor: float) -> list[float]:
        net, steps = copy.deepcopy((model, optimizer))
        net.train()
        for group in steps.param_groups:
            group["lr"] = group["lr"] * factor
        losses = []
        for _ in range(STEPS):

            def closure() -> Tensor:
                steps.zero_grad()
                value = loss(net(x), y)
                value.backward()
                return value

            losses.append(float(steps.step(closure)))
            if not math.isfinite(losses[-1]):
                break
        return losses

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        usual = trained(1.0)
        start = usual[0]
        if not math.isfinite(start):
            return
        if fallen(usual) > LITTLE:
            return
        slower, faster = ({factor: fallen(trained(factor)) for factor in factors} for factors in (SLOWER, FASTER))
    said = f"in {STEPS} steps on one batch the loss goes from {start:.3g} to {usual[-1]:.3g}"
    low, high = (next((item for item in tried.items() if item[1] > MUCH), None) for tried in (slower, faster))
    if not usual[-1] <= start and low:
        found.add(True, "rate", f"{said}, with {low[0]:g} of the rate it falls by {low[1]:.0%}", "a smaller learning rate")
    elif high:
        found.add(True, "rate", f"{said}, with {high[0]:g} times the rate it falls by {high[1]:.0%}", "a larger learning rate")
    else:
        best = max(*slower.values(), *faster.values())
        found.add(best <= LITTLE, "learning", f"{said}, and no other rate does better",
                  "look at the sign of the loss, the labels, and where gradients end")  # fmt: skip


def fallen(losses: list[float]) -> float:
    """By which share the loss has fallen at the end; below 0 if it rose or is no number."""
    start, end = losses[0], losses[-1]
    return (start - end) / max(abs(start), 1e-12) if math.isfinite(end) else -1.0


def of_step(found: Checkup, model: Module, optimizer: Any, step: Callable, x: Any, y: Any) -> None:
    """The user's own step, twice at rate 0, from where the model is; then all is put back."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    rates, memory = [group["lr"] for group in optimizer.param_groups], copy.deepcopy(optimizer.state_dict())
    before = [(t, t.detach().clone()) for t in (*model.parameters(), *model.buffers())]
    kept, awake = [p.grad for p in parameters], {id(layer): layer.training for layer in model.modules()}
    lengths, asleep, state = [], [], get_rng_state()
    hook = model.register_forward_hook(lambda layer, args, output: asleep.append(not layer.training))
    try:
        optimizer.zero_grad()
        for _ in range(2):
            set_rng_state(state)  # the same dropout
            for group in optimizer.param_groups:
                group["lr"] = 0.0
            step(x, y)
            slopes = [p.grad for p in parameters if p.grad is not None]
            lengths.append(norm(cat([g.detach().reshape(-1) for g in slopes])) if slopes else 0.0)
    finally:
        hook.remove()
        optimizer.load_state_dict(memory)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        with mode(grad=False):
            for t, value in before:
                t.copy_(value)
        for p, g in zip(parameters, kept, strict=True):
            p.grad = g
        for layer in model.modules():
            layer.training = awake[id(layer)]
    once, twice = lengths
    longer = twice / once if once else 1.0
    found.add(longer > 1.5, "zero_grad", f"a second step on the same batch has gradients {longer:.2g} times as long as the "
              "first: they add up", "optimizer.zero_grad() before each backward()")  # fmt: skip
    found.add(any(asleep), "mode", "the step runs the model in evaluation mode", "model.train() before training")
