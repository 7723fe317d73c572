"""Checkpointing: memory for time. What a part of the model saved for backward is dropped, and computed again when asked for."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from operator import attrgetter
from typing import Any

from ..backends import GradError
from ..core import MODE, Node, mode, node_of, written
from ..core.node import UNSEEN, _clock
from ..ops.random import default_generator
from .tree import tensors


class CheckpointError(GradError):
    """A checkpointed function that did something else when it was run again."""


class Lazy:
    """The saved values of one node of a checkpointed part: reading them computes those of the whole part again."""

    def __init__(self, part: Part, k: int) -> None:
        self.part, self.k = part, k

    def __iter__(self) -> Iterator:
        return iter(self.part.values(self.k))


class Part:
    """A checkpointed call: how to run it again, and the nodes it made."""

    def __init__(self, run: Callable[[], Any], nodes: list[Node], compare: bool) -> None:
        self.run, self.compare = run, compare
        self.nodes = [weakref.ref(node) for node in nodes]
        self.kinds = [(node.op.name, tuple(node.shape)) for node in nodes]
        for k, node in enumerate(nodes):
            if node.plan.keeps:
                node.saved = Lazy(self, k)  # type: ignore[assignment]

    def values(self, k: int) -> tuple:
        """Run the part again and give every node that still waits what it saved; returns that of node `k`."""
        start, out = self.run()
        new = made_since(start, out)
        kinds = [(node.op.name, tuple(node.shape)) for node in new]
        if len(new) != len(self.kinds) or (self.compare and kinds != self.kinds):
            raise CheckpointError(
                f"checkpoint: run again, the function recorded {len(new)} calls ({names(kinds)}), but {len(self.kinds)} "
                f"({names(self.kinds)}) the first time. Hint: it must do the same both times"
            )
        for ref, node in zip(self.nodes, new, strict=True):
            old = ref()
            if old is not None and isinstance(old.saved, Lazy) and old.saved.part is self:
                old.saved = node.saved
        return new[k].saved  # type: ignore[return-value]


def names(kinds: list) -> str:
    """The ops of a part, the first few."""
    return ", ".join(name for name, _ in kinds[:8]) + (", ..." if len(kinds) > 8 else "")


def made_since(start: int, out: Any) -> list[Node]:
    """The nodes behind a nest of tensors that were made after node number `start`, in order."""
    stack = [top for y in tensors(out) if (top := node_of(y)) is not None and top.number > start]
    seen = set(stack)
    while stack:
        new = {p for p in stack.pop().parents if type(p) is Node and p.number > start} - seen
        seen |= new
        stack += new
    return sorted(seen, key=attrgetter("number"))


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple] = lambda: (nullcontext(), nullcontext()),
    determinism_check: str = "default",
    debug: bool = False,
    preserve_rng_state: bool = True,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), without keeping what it saves for backward; backward runs it again and takes it from there.

    The gradients are the same, those of parameters that the function uses included, and the random numbers too unless
    preserve_rng_state=False. Checkpoints nest. `context_fn()` gives a context for each of the two runs;
    determinism_check="none" compares only how many calls were recorded. `use_reentrant`, `debug` and `early_stop` are
    accepted and change nothing: it works as PyTorch's does with use_reentrant=False, and the error always names the calls.
    While somebody listens (`record`, `vmap`, forward mode) everything is kept.

    Raises CheckpointError if the second run records something else. Source: Chen et al. 2016, Training deep nets with
    sublinear memory cost.
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(f"checkpoint: determinism_check must be 'default' or 'none', got {determinism_check!r}")
    now = MODE.get()
    if not now.grad or now.listeners:
        with context_fn()[0]:
            return function(*args, **kwargs)
    given = [(x, written(x)[0]) for x in tensors((args, kwargs))]
    state = default_generator.get_state()
    fresh = getattr(getattr(now.instead, "__self__", None), "fresh", None)  # autocast keeps the weights that it has cast

    def instead() -> Any:
        return fresh() if fresh else now.instead

    def again() -> tuple[int, Any]:
        for x, version in given:
            if (written(x)[0] - version) % UNSEEN:
                raise CheckpointError(f"checkpoint: an argument of shape {tuple(x.shape)} was written in place, so it "
                                      "can't be run again on what it was. Hint: .clone() it before the write")  # fmt: skip
        before = default_generator.get_state()
        if preserve_rng_state:
            default_generator.set_state(state)
        try:
            with mode(grad=True, rule=None, listeners=(), instead=instead()), context_fn()[1]:
                start = next(_clock)
                return start, function(*args, **kwargs)
        finally:
            if preserve_rng_state:
                default_generator.set_state(before)

    start = next(_clock)
    with mode(instead=instead()), context_fn()[0]:
        out = function(*args, **kwargs)
    Part(again, made_since(start, out), determinism_check == "default")
    return out


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """PyTorch's switch for ending the second run as soon as backward has all that it needs; here it always runs to its end."""
    yield


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """PyTorch's switch for naming the recorded calls in a CheckpointError: here the error always does."""
    yield


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True
) -> Any:
    """A chain of functions (or a Sequential) in `segments` parts, each but the last one checkpointed."""
    chain = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= len(chain):
        raise ValueError(f"checkpoint_sequential: segments must be 1 ... {len(chain)}, the number of functions, got {segments}")
    size = len(chain) // segments
    for k in range(segments - 1):
        input = checkpoint(in_turn(chain[k * size : (k + 1) * size]), input, preserve_rng_state=preserve_rng_state)
    return in_turn(chain[(segments - 1) * size :])(input)


def in_turn(functions: Sequence[Callable]) -> Callable:
    """The functions one after another."""

    def run(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return run
