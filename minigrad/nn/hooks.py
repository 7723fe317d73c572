"""Backward hooks of a module: they see, and may replace, the gradients that enter and leave it; and hooks of all modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import Function, Hook
from ..autograd.nodes import several
from ..backends import GradError
from ..backends.source import advise
from ..core import MODE, Tensor
from ..ops.arithmetic import alias


class Gate(Function):
    """Tensors as they are; in backpropagation `see` is told all of their gradients at once, and returns those to go on with.

    A tensor that no gradient reached counts as zeros with `zeros`, else as None.
    """

    @staticmethod
    def forward(ctx, see, zeros, *xs):
        ctx.see = see
        ctx.set_materialize_grads(zeros)
        ys = tuple(alias(x) for x in xs)
        ctx.mark_non_differentiable(*[y for y, wanted in zip(ys, ctx.needs_input_grad[2:], strict=True) if not wanted])
        return ys

    @staticmethod
    def backward(ctx, *grads):
        return None, None, *ctx.see(grads)

    @staticmethod
    def jvp(ctx, see, zeros, *tangents):
        return tangents


class Passage:
    """One call of a module with backward hooks: collects what comes in at its outputs and goes out at its inputs.

    As in PyTorch, the gradients are tuples with None for what is no tensor; an input that no gradient reaches has zeros, an
    output None. Where no input wants a gradient, the hooks run as soon as the outputs' are known, and can't replace any.
    """

    def __init__(self, module: Any, before: list[Callable], after: list[Callable]) -> None:
        self.module, self.before, self.after = module, before, after
        self.arrived: tuple | None = None

    def entered(self, args: tuple) -> tuple:
        """The arguments, watched."""
        self.places, self.count = sloped(args), len(args)
        return watched(args, self.places, self.leave, True)

    def returned(self, output: Any) -> Any:
        """The output, watched."""
        if not isinstance(output, (Tensor, tuple, list)):
            advise("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                   f"{type(output).__name__}")  # fmt: skip
            return output
        outputs = (output,) if isinstance(output, Tensor) else output
        self.out_places, self.out_count = sloped(outputs), len(outputs)
        found = watched(outputs, self.out_places, self.arrive, False)
        return found[0] if isinstance(output, Tensor) else found

    def arrive(self, grads: tuple) -> tuple:
        """The gradients of the outputs are known."""
        arrived = spread(grads, self.out_places, self.out_count)
        for hook in self.before:
            arrived = several(hook(self.module, arrived), arrived)
        self.arrived = arrived
        if not self.places:
            for hook in self.after:
                new = hook(self.module, (None,) * self.count, arrived)
                if new is not None and any(g is not None for g in (new if isinstance(new, tuple) else (new,))):
                    raise GradError(f"{type(self.module).__name__}: a backward hook can't replace gradients of inputs, since "
                                    "no input wants one. Hint: return None")  # fmt: skip
            self.arrived = None
        return tuple(arrived[k] for k in self.out_places)

    def leave(self, grads: tuple) -> tuple:
        """The gradients of the inputs are known."""
        if self.arrived is None:  # they came by another way than through the output
            return grads
        found = spread(grads, self.places, self.count)
        for hook in self.after:
            found = several(hook(self.module, found, self.arrived), found)
        self.arrived = None
        return tuple(found[k] for k in self.places)


def sloped(values: Any) -> list[int]:
    """The positions of floating tensors, if one of them wants a gradient and gradients are recorded."""
    found = [k for k, x in enumerate(values) if isinstance(x, Tensor) and x.dtype.is_floating_point]
    return found if MODE.get().grad and any(values[k].requires_grad for k in found) else []


def watched(values: Any, places: list[int], see: Callable, zeros: bool) -> Any:
    """The values with those at `places` behind a `Gate`."""
    if not places:
        return values
    new = dict(zip(places, Gate.apply(see, zeros, *[values[k] for k in places]), strict=True))
    parts = [new.get(k, x) for k, x in enumerate(values)]
    return type(values)(*parts) if hasattr(values, "_fields") else type(values)(parts)


def spread(grads: tuple, places: list[int], count: int) -> tuple:
    """Gradients at their places among `count`, None at the others."""
    known = dict(zip(places, grads, strict=True))
    return tuple(known.get(k) for k in range(count))


# -- hooks of all modules ------------------------------------------------------------------------------------------------

EVERYWHERE: dict[Any, tuple] = {}  # of all modules: (kind, hook, with_kwargs, always_call); they run before a module's own
REGISTERING: dict[Any, tuple[str, Callable]] = {}


def register_module_forward_pre_hook(hook: Callable) -> Hook:
    """Call `hook(module, args)` before every module's `forward`; what it returns, unless None, replaces the arguments."""
    return Hook(EVERYWHERE, ("_forward_pre_hooks", hook, False, False))


def register_module_forward_hook(hook: Callable, *, with_kwargs: bool = False, always_call: bool = False) -> Hook:
    """Call `hook(module, args, output)` after every module's `forward`; what it returns, unless None, replaces the output."""
    return Hook(EVERYWHERE, ("_forward_hooks", hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable) -> Hook:
    """Call `hook(module, grad_output)` before backpropagation through every module."""
    return Hook(EVERYWHERE, ("_backward_pre_hooks", hook, False, False))


def register_module_full_backward_hook(hook: Callable) -> Hook:
    """Call `hook(module, grad_input, grad_output)` in backpropagation through every module."""
    return Hook(EVERYWHERE, ("_backward_hooks", hook, False, False))


def register_module_parameter_registration_hook(hook: Callable) -> Hook:
    """Call `hook(module, name, parameter)` when a parameter is registered; what it returns, unless None, takes its place."""
    return Hook(REGISTERING, ("_parameters", hook))


def register_module_buffer_registration_hook(hook: Callable) -> Hook:
    """Call `hook(module, name, buffer)` when a buffer is registered; what it returns, unless None, takes its place."""
    return Hook(REGISTERING, ("_buffers", hook))


def register_module_module_registration_hook(hook: Callable) -> Hook:
    """Call `hook(module, name, submodule)` when a submodule is registered; what it returns, unless None, takes its place."""
    return Hook(REGISTERING, ("_modules", hook))


def registered(module: Any, store: str, name: str, value: Any) -> Any:
    """What is kept under a name that is being registered."""
    for of, hook in list(REGISTERING.values()):
        if of == store:
            new = hook(module, name, value)
            value = value if new is None else new
    return value


register_module_backward_hook = register_module_full_backward_hook
GLOBAL = {name: f for name, f in list(globals().items()) if name.startswith("register_module_")}
