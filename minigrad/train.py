"""`fit`: the training loop for those who don't want to write it, and the `History` of what it saw."""

from __future__ import annotations

import importlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from numbers import Integral, Real
from typing import Any

from tqdm import tqdm

from .backends import ShapeError
from .core import Tensor, mode
from .guard import described
from .guard import guard as _guard
from .io import load, save
from .nn import Module
from .nn.utils import clip_grad_norm_
from .ops.random import Generator, default_generator
from .optim import Optimizer
from .optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from .torch_face import extras


@dataclass
class History:
    """What a run saw: `loss` of each step; and for each of the `epochs` a dict of means, of training and held out."""

    loss: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)

    def plot(self, path: str | os.PathLike | None = None) -> Any:
        """A matplotlib figure with each quantity over the epochs, also saved to `path` if that is given.

        Raises ValueError before the first epoch is over, ImportError where matplotlib is not installed.
        """
        names = sorted({name.removeprefix("held-out ") for epoch in self.epochs for name in epoch})
        if not names:
            raise ValueError("History.plot: there is no epoch to show")
        try:
            Figure: Any = importlib.import_module("matplotlib.figure").Figure
        except ImportError:
            raise ImportError("History.plot: needs matplotlib, which is not installed. Hint: pip install matplotlib") from None
        figure = Figure(figsize=(4 * len(names), 3), layout="constrained")
        for k, name in enumerate(names):
            axes = figure.add_subplot(1, len(names), k + 1, xlabel="epoch", title=name)
            for kind in (name, f"held-out {name}"):
                points = [(i + 1, epoch[kind]) for i, epoch in enumerate(self.epochs) if kind in epoch]
                if points:
                    axes.plot(*zip(*points, strict=True), marker=".", label=kind)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend()
        if path is not None:
            figure.savefig(path)
        return figure


def accuracy(output: Tensor, target: Tensor) -> float:
    """The part of the rows whose largest score is that of the target's class.

    output (N, C, ...), target (N, ...) the classes, or (N, C, ...) their probabilities. Raises ShapeError for other shapes, and
    for a single score: the larger of one is always the first.
    """
    classes = target.argmax(1) if output.ndim > 1 and target.shape == output.shape else target
    if output.ndim < 2 or output.shape[1] < 2 or classes.shape != output.shape[:1] + output.shape[2:]:
        shapes = f"{tuple(output.shape)} and {tuple(target.shape)}"
        raise ShapeError(f"accuracy: expected output (N, C, ...) with C > 1 and target (N, ...), got {shapes}. "
                         "Hint: of one logit a case, ((output > 0) == target).float().mean()")  # fmt: skip
    return (output.argmax(1) == classes).to("float32").mean().item()


def fit(
    model: Module,
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    loader: Iterable,
    held_out: Iterable | None = None,
    *,
    epochs: int = 1,
    metric: Callable[[Any, Any], float] | None = None,
    scheduler: LRScheduler | None = None,
    each_step: bool = False,
    clip: float | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_steps: int | None = None,
    resume: bool = False,
    writer: Any = None,
    watch: Any = None,
    progress: bool = True,
) -> History:
    """Train for `epochs` passes over `loader`, whose batches are tuples or lists (*inputs, target); returns the history.

    loss        (output, target) -> a tensor of one number, which is a mean over the cases: len(target) of them
    held_out    a loader whose loss and metric are looked at after each epoch
    metric      (output, target) -> number, such as `accuracy`
    scheduler   stepped after each epoch, or `each_step`; ReduceLROnPlateau gets the (held-out) loss
    clip        the largest norm of all gradients together
    patience    stop after so many epochs without a lower (held-out) loss
    checkpoint  a file that is replaced after each epoch, and every `checkpoint_steps` steps; with `resume`, training goes on
                from there if it exists, bit for bit as if it had not stopped. Ctrl-C and SIGTERM let the step, or the look
                at the held-out cases, end and write it before they stop the training; a second one does not wait.
                Random numbers go on where they come from the default generator, the loader's or its sampler's
    writer      with `add_scalar(name, value, step)`, such as TensorBoard's SummaryWriter, or a folder for one
    watch       with `step(loss=number, step=number of the step)`, called after each step: what `viz.watch(model)` returned

    Raises FloatingPointError for a loss that is not finite, before the step is made with it; ValueError for options that make
    no sense, a scheduler of another optimizer, or an optimizer of other parameters than the loss depends on; TypeError for
    batches that are no tuples, or parts that are none.
    """
    check(clip, epochs=epochs, patience=patience, checkpoint_steps=checkpoint_steps)
    check_parts(model=model, loss=loss, optimizer=optimizer, scheduler=scheduler)
    check_batches("fit", loader=loader, held_out=held_out)
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError("fit: the scheduler is that of another optimizer")
    if each_step and isinstance(scheduler, ReduceLROnPlateau):
        raise ValueError("fit: ReduceLROnPlateau needs the loss of an epoch. Hint: each_step=False")
    if checkpoint is None and (resume or checkpoint_steps):
        raise ValueError("fit: resume and checkpoint_steps need checkpoint=path")
    if checkpoint is not None:  # not after an epoch that would be lost
        place = os.path.realpath(checkpoint)
        if os.path.isdir(place) or not os.path.isdir(os.path.dirname(place)):
            raise ValueError(f"fit: checkpoint must be a file's path in a folder that is there, got {checkpoint!r}")
    history, begun = History(), Place(model, optimizer, scheduler, loader)
    skip, sums = 0, [0.0, 0.0, 0.0]  # batches of the first epoch done before; its sums of loss, metric and cases
    if resume and os.path.exists(checkpoint):  # type: ignore[arg-type]
        history, skip, sums = begun.restore(load(checkpoint))  # type: ignore[arg-type]
    steps = None
    with suppress(TypeError):
        steps = len(loader)  # type: ignore[arg-type]
    if isinstance(writer, (str, os.PathLike)):
        writer = extras.SummaryWriter(os.fspath(writer))
    check_parts(writer=writer, watch=watch)
    stop = Stop(checkpoint is not None)
    for epoch in range(len(history.epochs), epochs):
        if stopped(history, patience):
            break
        begun.mark(skip)
        model.train()
        batches = iter(loader)
        for _ in islice(batches, skip):
            pass
        begun.arrive()
        seen, clock = 0, time.perf_counter()
        named = f"epoch {epoch + 1}/{epochs}"
        with stop:
            with tqdm(total=steps, initial=skip, desc=named, unit="step", disable=not progress) as bar:
                for batch in batches:
                    inputs, target, n = taken("fit", batch)
                    output = model(*inputs)
                    value = loss(output, target)
                    number = single("fit", "loss", value)
                    if not math.isfinite(number):
                        raise FloatingPointError(f"fit: the loss is {number} at step {len(history.loss) + 1}. "
                                                 "Hint: a lower learning rate, or clip=1.0")  # fmt: skip
                    optimizer.zero_grad()
                    value.backward()
                    if not history.loss and not any(p.grad is not None for g in optimizer.param_groups for p in g["params"]):
                        raise ValueError("fit: the loss depends on no parameter of the optimizer, so that nothing would be "
                                         "learnt. Hint: an optimizer of model.parameters() of this model")  # fmt: skip
                    if clip is not None:
                        clip_grad_norm_(model.parameters(), clip)
                    optimizer.step()
                    if scheduler is not None and each_step:
                        scheduler.step()

                    history.loss.append(number)
                    if watch is not None:
                        watch.step(loss=number, step=len(history.loss))
                    with mode(grad=False):
                        right = n * single("fit", "metric", metric(output, target)) if metric else 0.0
                    sums = [sums[0] + n * number, sums[1] + right, sums[2] + n]
                    seen, skip = seen + n, skip + 1
                    if writer is not None:
                        writer.add_scalar("loss", number, len(history.loss))
                    if progress:
                        words = f"loss {sums[0] / sums[2]:.4f}" + (f", metric {sums[1] / sums[2]:.4f}" if metric else "")
                        bar.set_postfix_str(f"{words}, {seen / (time.perf_counter() - clock):,.0f} samples/s", False)
                        bar.update()
                    if stop.asked or (checkpoint_steps and len(history.loss) % checkpoint_steps == 0):
                        save(begun.state(history, skip, sums), checkpoint)  # type: ignore[arg-type]
                        stop.act()
            if not sums[2]:
                raise ValueError(f"fit: the loader gave no batches in epoch {epoch + 1}. "
                                 "Hint: a DataLoader or a list; a generator can be run through once")  # fmt: skip
            means = {"loss": sums[0] / sums[2], **({"metric": sums[1] / sums[2]} if metric else {})}
            if held_out is not None:
                means |= {f"held-out {name}": x for name, x in evaluate(model, loss, held_out, metric).items()}
            history.epochs.append(means)
            if scheduler is not None and not each_step:
                watched = (means.get("held-out loss", means["loss"]),) if isinstance(scheduler, ReduceLROnPlateau) else ()
                scheduler.step(*watched)
            for name, x in means.items() if writer is not None else ():
                writer.add_scalar(f"epoch/{name}", x, epoch + 1)
            if hasattr(writer, "flush"):
                writer.flush()
            skip, sums = 0, [0.0, 0.0, 0.0]
            if checkpoint is not None:
                begun.mark(0)
                save(begun.state(history, skip, sums), checkpoint)
    return history


NEEDED = {
    "model": ("a Module", "train"), "loss": ("a function of output and target", "__call__"),
    "optimizer": ("an Optimizer", "param_groups"), "scheduler": ("one of optim.lr_scheduler", "step"),
    "writer": ("a folder or a writer", "add_scalar"), "watch": ("what viz.watch returns", "step"),
}  # fmt: skip


def check_parts(**parts: Any) -> None:
    """Raise TypeError unless each has what the loop asks of it; a class is none of them."""
    for name, given in parts.items():
        what, needed = NEEDED[name]
        if isinstance(given, type):
            raise TypeError(f"fit: {name} must be {what}, got the class {given.__name__}. Hint: {given.__name__}(...)")
        if not hasattr(given, needed) and (given is not None or name in ("model", "optimizer", "loss")):
            raise TypeError(f"fit: {name} must be {what}, got {described(given)}")


def check_batches(who: str, **loaders: Any) -> None:
    """Raise TypeError for what gives no batches: a tensor, whose rows they would be, or a dataset that can't be run through."""
    for name, loader in loaders.items():
        if loader is not None and (isinstance(loader, Tensor) or not isinstance(loader, Iterable)):
            raise TypeError(f"{who}: {name} must give batches (*inputs, target), got {described(loader)}. "
                            "Hint: DataLoader(dataset, batch_size=32), with TensorDataset(x, y) for tensors")  # fmt: skip


def taken(who: str, batch: Any) -> tuple[list, Any, int]:
    """The inputs of a batch, its target, and the number of cases."""
    if not isinstance(batch, (list, tuple)) or len(batch) < 2:
        raise TypeError(f"{who}: a batch must be a tuple or list (*inputs, target), got {described(batch)}. "
                        "Hint: a dataset whose cases are (input, target)")  # fmt: skip
    *inputs, target = batch
    if not hasattr(target, "__len__") or (isinstance(target, Tensor) and not target.ndim):
        raise TypeError(f"{who}: the target of a batch must have a row for each case, got {described(target)}")
    return inputs, target, len(target)


def single(who: str, name: str, value: Any) -> float:
    """What a loss or a metric gave, as a number."""
    if isinstance(value, Tensor) and value.array.size != 1:
        hint = ". Hint: reduction='mean', or .mean()" if name == "loss" else ""
        raise ShapeError(f"{who}: the {name} must be one number, got a tensor of shape {tuple(value.shape)}{hint}")
    if not (isinstance(value, Tensor) if name == "loss" else hasattr(value, "__float__")):
        raise TypeError(f"{who}: the {name} must be {'a tensor' if name == 'loss' else 'a number'}, got {described(value)}")
    return float(value)


def check(clip: Any, **counts: Any) -> None:
    """Raise ValueError unless all that are given are at least 1, and `clip` is above 0."""
    for name, given in counts.items():
        if given is not None and (isinstance(given, bool) or not isinstance(given, Integral) or given < 1):
            raise ValueError(f"fit: {name} must be an integer >= 1, got {given!r}")
    if clip is not None and not (isinstance(clip, Real) and 0 < float(clip) < math.inf):
        raise ValueError(f"fit: clip must be a finite number above 0, got {clip!r}")


def evaluate(model: Module, loss: Callable, loader: Iterable, metric: Callable | None = None) -> dict[str, float]:
    """The mean loss, and metric, over all cases of a loader, in evaluation mode and without gradients."""
    check_batches("evaluate", loader=loader)
    modes = [(module, module.training) for module in model.modules()]
    total, right, cases = 0.0, 0.0, 0
    model.eval()
    try:
        with mode(grad=False):
            for batch in loader:
                inputs, target, n = taken("evaluate", batch)
                output = model(*inputs)
                total, cases = total + n * single("evaluate", "loss", loss(output, target)), cases + n
                right += n * single("evaluate", "metric", metric(output, target)) if metric else 0.0
    finally:
        for module, training in modes:
            module.training = training
    if not cases:
        raise ValueError(
            "evaluate: the loader gave no batches. Hint: a DataLoader or a list; a generator can be run through once"
        )
    return {"loss": total / cases, **({"metric": right / cases} if metric else {})}


def stopped(history: History, patience: int | None) -> bool:
    """Whether the last `patience` epochs were no better than those before."""
    losses = [epoch.get("held-out loss", epoch["loss"]) for epoch in history.epochs]
    losses = [math.inf if math.isnan(loss) else loss for loss in losses]  # which compares with nothing
    return patience is not None and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])


class Stop:
    """A block in which SIGINT and SIGTERM are noted in `asked`, if `deferred`; `act` then does what they would have done.

    So does the block's end, and a second signal at once. If a handler of the user's returns, the block goes on. What is
    ignored stays so, and outside of the main thread nothing changes.
    """

    def __init__(self, deferred: bool) -> None:
        self.deferred, self.asked = deferred, 0
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if self.deferred and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self.before[number] = signal.signal(number, self.note)
        return self

    def __exit__(self, error: Any, *_: Any) -> None:
        while self.before:
            signal.signal(*self.before.popitem())
        number, self.asked = self.asked, 0
        if number and error is None:
            signal.raise_signal(number)

    def note(self, number: int, _: Any) -> None:
        again, self.asked = self.asked, number
        if again:
            self.act()

    def act(self) -> None:
        if self.asked:
            self.__exit__(None)
            self.__enter__()


class Place:
    """Where a run is: all that a later process needs to go on with the same bits."""

    def __init__(self, model: Module, optimizer: Optimizer, scheduler: Any, loader: Any) -> None:
        self.parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
        drawing = [loader, *(getattr(loader, name, None) for name in ("sampler", "batch_sampler"))]
        drawing.append(getattr(drawing[-1], "sampler", None))
        found = [default_generator, *(getattr(part, "generator", None) for part in drawing)]
        self.generators = list({id(g): g for g in found if isinstance(g, Generator)}.values())
        self.now: list[Tensor] | None = None

    def mark(self, skip: int) -> None:
        """An epoch begins: its order is drawn from the generators as they are here."""
        if not skip:
            self.start = [g.get_state() for g in self.generators]

    def arrive(self) -> None:
        """The batches done before have been skipped: random numbers go on as they were when the run was saved."""
        for g, state in zip(self.generators, self.now or (), strict=False):
            g.set_state(state)
        self.now = None

    def state(self, history: History, skip: int, sums: list[float]) -> dict[str, Any]:
        states = {name: part.state_dict() for name, part in self.parts.items() if part is not None}
        now = [g.get_state() for g in self.generators]
        where = {"start": self.start, "now": now, "skip": skip, "sums": sums}
        return {**states, **where, "kinds": self.kinds(), "loss": history.loss, "epochs": history.epochs}

    def kinds(self) -> dict[str, str]:
        """The classes whose states mean nothing to others, though they may load."""
        return {name: type(self.parts[name]).__name__ for name in ("optimizer", "scheduler")}

    def restore(self, saved: Any) -> tuple[History, int, list[float]]:
        if not isinstance(saved, dict) or not {"start", "now", "skip", "sums", "loss", "epochs"} <= saved.keys():
            raise ValueError("fit: the file is no checkpoint of fit. Hint: another path, or resume=False")
        differ = [f"there is a {name}" for name, part in self.parts.items() if (part is None) != (name not in saved)]
        if len(saved["start"]) != len(self.generators):
            differ.append("the loader has a generator of its own")
        if differ:
            raise ValueError(f"fit: the checkpoint and this call differ in whether {' and whether '.join(differ)}")
        for name, kind in self.kinds().items():
            if (before := saved.get("kinds", {}).get(name, kind)) != kind:
                raise ValueError(f"fit: the checkpoint is that of the {name} {before}, and this call has {kind}")
        for name, part in self.parts.items():
            if part is not None:
                part.load_state_dict(saved[name])
        self.start, self.now = saved["start"], saved["now"] if saved["skip"] else None
        for g, state in zip(self.generators, self.start, strict=True):
            g.set_state(state)
        return History(saved["loss"], saved["epochs"]), saved["skip"], saved["sums"]


_guard(__name__)
