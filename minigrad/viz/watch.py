"""`watch`: what a model's layers do while it trains, on a page that scrubs through the steps."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..backends import backend_of
from ..backends.source import advise
from ..core import MODE, Tensor
from .render import write
from .text import visible
from .watch_log import Activations, Layer, Log, Record, activations_of, norm
from .watch_page import page
from .watch_server import Server

SHARE = 0.01  # of the time may go into writing the file again


def watch(
    model: Any,
    path: str | PathLike | None = "watch.html",
    *,
    every: int = 50,
    keep: int = 200,
    layers: Iterable[str | type] | None = None,
    serve: bool = False,
    port: int = 0,
    title: str | None = None,
) -> Watch:
    """Watch a model train: `with viz.watch(model, every=50) as seen:`, and `seen.step(loss=loss)` after each optimizer step.

    Of the first step and of one in `every`, each layer's gradient norm, update norm, dead units and the statistics and
    histogram of its output are kept, of the last `keep` of these. In between nothing is hooked and nothing computed.

    path    the HTML page to write: one file that needs nothing else, written again now and then and at the end. None: no file
    layers  which layers: names, patterns ("encoder.*") or classes; if None all that have parameters or no layers in them
    serve   also serve the page on 127.0.0.1, where it follows the training; the address, with a token in it, is printed
    port    the server's port; 0 takes a free one

    `step` belongs after the update and before gradients are cleared. `train.fit(..., watch=seen)` calls it. A layer that runs
    several times in a step shows the last. Raises TypeError for anything but a model, ValueError for options that make no
    sense, OSError if the page can't be written or the port not be had.
    """
    return Watch(model, path, every=every, keep=keep, layers=layers, serve=serve, port=port, title=title)


class Watch:
    """What `watch` returns. `records` are the steps kept, oldest first; `url` is where the page is served, if it is.

    A `with` block, or `close()`, ends it: hooks off, page written, server gone. The records stay.
    """

    def __init__(
        self, model: Any, path: str | PathLike | None, *, every: int, keep: int, layers: Iterable[str | type] | None,
        serve: bool, port: int, title: str | None,
    ) -> None:  # fmt: skip
        for name in ("named_modules", "named_parameters"):
            if not callable(getattr(model, name, None)):
                raise TypeError(f"watch: expected a model (an nn.Module), got {type(model).__name__}")
        for name, given in (("every", every), ("keep", keep)):
            if isinstance(given, bool) or not isinstance(given, int) or given < 1:
                raise ValueError(f"watch: {name} must be an integer >= 1, got {given!r}")
        self.model, self.every = model, every
        self.modules = chosen(model, layers)
        self.path = None if path is None else Path(path)
        self.owned = owned(self.modules)
        said = [Layer(name, type(m).__name__, sum(p.numel() for p in self.owned[name])) for name, m in self.modules.items()]
        self.log = Log(title or type(model).__name__, said, every, keep)
        self.count, self.closed = 0, False
        self.low: float | None = None
        self.high: float | None = None
        self.hooks: list[Any] = []
        self.before: dict[str, list[np.ndarray]] | None = None
        self.seen: dict[str, Activations] = {}
        self.axis = -1
        self.cost = self.written = 0.0
        if self.path is not None:
            self.save(self.path)
        servers: list[Server] = []
        self.end = weakref.finalize(self, release, self.hooks, servers)
        self.url: str | None = None
        if serve:
            servers.append(Server(self.log, port))
            self.url = servers[0].url
            print(f"watch: {self.url}")
        self.arm()

    @property
    def records(self) -> list[Record]:
        """The steps kept, oldest first."""
        return self.log.records()

    # -- one step ------------------------------------------------------------------------------------------------------
    def step(self, loss: Any = None, step: int | None = None) -> None:
        """A training step is done: `loss` is a number or a tensor of one element, `step` its number if not the next.

        Raises RuntimeError after `close()`, TypeError or ValueError for a loss that is no number or a step that goes back.
        """
        if self.closed:
            raise RuntimeError("watch: step() after close(). Hint: call it inside of the `with` block")
        if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step <= self.count):
            raise ValueError(f"watch: step must be an integer above the last, {self.count}, got {step!r}")
        number = number_of(loss)
        self.count = self.count + 1 if step is None else step
        if number is not None:
            self.low = number if self.low is None or not self.low <= number else self.low
            self.high = number if self.high is None or not self.high >= number else self.high
        if self.hooks:
            self.disarm()
            self.log.add(self.gathered(number))
            self.low = self.high = None
            self.refresh()
        if (self.count + 1) % self.every == 0:
            self.arm()

    def arm(self) -> None:
        """The next step is watched: hook the layers."""
        me = weakref.ref(self)
        self.hooks += [module.register_forward_hook(hook(me, name)) for name, module in self.modules.items()]

    def disarm(self) -> None:
        while self.hooks:
            self.hooks.pop().remove()

    def saw(self, name: str, module: Any, output: Any) -> None:
        """A layer ran: remember the statistics of its output and, before the first, all weights."""
        if not MODE.get().grad or module is not self.modules[name]:  # no training step; a copy of the model
            return
        if self.before is None:
            self.before = {name: [np.array(host(p)) for p in own] for name, own in self.owned.items() if own}
        widths = [p.ndim for p in self.owned[name] if p.ndim > 1]
        if widths:  # a convolution has its channels at 1, all else its features last; what follows has them where it had
            self.axis = 1 if max(widths) > 2 else -1
        output = next((part for part in output if isinstance(part, Tensor)), None) if isinstance(output, tuple) else output
        if isinstance(output, Tensor) and not output.dtype.is_complex and output.numel():
            self.seen[name] = activations_of(output.array, self.axis if output.ndim > 2 else -1)

    def gathered(self, loss: float | None) -> Record:
        """The record of the step that is done."""
        before, self.before = self.before or {}, None
        activations, self.seen = self.seen, {}
        gradients, updates, weights = {}, {}, {}
        for name, own in self.owned.items():
            found = [host(p.grad) for p in own if p.grad is not None]
            if found:
                gradients[name] = norm(found)
            if name in before:
                weights[name] = norm(before[name])
                updates[name] = norm([host(p) - was for p, was in zip(own, before[name], strict=True)])
        if not gradients and not self.log.kept and any(self.owned.values()):
            advise("watch: no parameter has a gradient. Hint: call step() after optimizer.step(), before zero_grad()")
        return Record(self.count, loss, self.low, self.high, gradients, updates, weights, activations)

    # -- the page ------------------------------------------------------------------------------------------------------
    def save(self, path: str | PathLike) -> Path:
        """Write the page with what was seen up to now, and return its path. Raises OSError if that can't be."""
        path, start = Path(path), time.perf_counter()
        write(path, page(self.log).encode("utf-8"), "watch")
        self.written = time.perf_counter()
        self.cost = self.written - start
        return path

    def refresh(self) -> None:
        """Write the page again if that takes a small share of the time; a disk that is full does not stop the training."""
        if self.path is not None and self.cost <= SHARE * (time.perf_counter() - self.written):
            try:
                self.save(self.path)
            except OSError as error:
                self.path = None
                advise(f"{error}. The page is not written any more; save(path) writes it elsewhere")

    def close(self) -> None:
        """End it: hooks off, the page written, the server and its threads gone. Again: nothing."""
        if not self.closed:
            self.closed = self.log.done = True
            self.end()
            self.before, self.seen = None, {}
            if self.path is not None:
                self.save(self.path)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        where = [str(place) for place in (self.path, None if self.closed else self.url) if place]
        return f"Watch of {visible(self.log.title)}: {len(self.log.kept)} of {self.count} steps" + (
            f", {' and '.join(where)}" if where else ""
        )


def release(hooks: list, servers: list[Server]) -> None:
    """What outlives a Watch that nobody closed."""
    while hooks:
        hooks.pop().remove()
    while servers:
        servers.pop().stop()


def hook(me: weakref.ref[Watch], name: str) -> Callable:
    """A forward hook that keeps no Watch alive."""

    def seen(module: Any, args: Any, output: Any) -> None:
        watch = me()
        if watch is not None:
            watch.saw(name, module, output)

    return seen


def host(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers in NumPy, in a type that it computes with."""
    x = np.asarray(backend_of(tensor.array).to_host(tensor.array))
    return x if x.dtype.kind == "c" or x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def number_of(loss: Any) -> float | None:
    if loss is None:
        return None
    try:
        return float(loss.item() if isinstance(loss, Tensor) else loss)
    except (TypeError, ValueError, RuntimeError):
        what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"{loss!r:.60}"
        raise TypeError(f"watch: loss must be a number or a tensor of one element, got {what}") from None


def chosen(model: Any, layers: Iterable[str | type] | None) -> dict[str, Any]:
    """The layers to watch by name. Raises ValueError for a choice that chooses nothing."""
    every = {name or type(module).__name__: module for name, module in model.named_modules()}
    if layers is None:
        found = {n: m for n, m in every.items() if m._parameters or not m._modules}
        if not found:
            raise ValueError(f"watch: {type(model).__name__} has no layers")
        return found
    wanted = [layers] if isinstance(layers, (str, type)) else list(layers)
    found = {}
    for w in wanted:
        if not isinstance(w, (str, type)):
            raise TypeError(f"watch: layers are names, patterns or classes, got {w!r:.60}")
        fit = {n: m for n, m in every.items() if (isinstance(m, w) if isinstance(w, type) else n == w or fnmatchcase(n, w))}
        if not fit:
            said = w.__name__ if isinstance(w, type) else w
            raise ValueError(
                f"watch: no layer is {visible(said)!r}. Hint: there are {', '.join(map(visible, list(every)[:12]))}"
            )
        found |= fit
    return {n: m for n, m in every.items() if n in found}


def owned(modules: dict[str, Any]) -> dict[str, list[Tensor]]:
    """The parameters of each layer itself; one that several share belongs to the first."""
    taken: set[int] = set()
    found: dict[str, list[Tensor]] = {}
    for name, module in modules.items():
        found[name] = [p for p in module._parameters.values() if p is not None and id(p) not in taken]
        taken |= {id(p) for p in found[name]}
    return found
