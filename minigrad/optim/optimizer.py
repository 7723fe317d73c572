"""Optimizer: parameter groups, state, and the loop over them that every optimizer shares."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import chain
from numbers import Real
from typing import Any
from weakref import WeakSet

from ..autograd.hooks import Hook
from ..autograd.reached import arrived, wait
from ..backends import DTypeError, ShapeError
from ..backends.source import advise
from ..core import Tensor, mode
from ..ops.create import full_like, tensor, zeros, zeros_like
from ..ops.sparse import SparseTensor
from .packed import COUNTS, SMALL, Packs, count_type

OPTIMIZERS: WeakSet[Optimizer] = WeakSet()
BEFORE_ALL: dict[Any, Callable] = {}
AFTER_ALL: dict[Any, Callable] = {}


class Optimizer:
    """The base of all optimizers; one of them gives `update`, and `check` for its hyper-parameters.

    params        tensors, (name, tensor) pairs, or dicts {"params": ..., "lr": ...} with options of their own
    defaults      the options of a group that does not give its own
    param_groups  one dict a group: its options and its list of parameters
    state         what the optimizer keeps for each parameter, as tensors
    sparse        whether gradients may be sparse tensors
    elementwise   whether `update` treats each element alone, so that parameters may be updated together (packed.py)

    Raises ValueError for an empty list, a parameter given twice and a non-leaf; TypeError for anything but tensors.
    """

    elementwise = False
    sparse = False
    stepped = False  # whether it ever did: schedulers ask

    def __init__(self, params: Iterable, defaults: dict[str, Any]) -> None:
        who = type(self).__name__
        if isinstance(params, (Tensor, str)) or not isinstance(params, Iterable):
            called = f"{getattr(params, '__name__', 'params')}()" if callable(params) else "model.parameters()"
            hint = "[params]" if isinstance(params, Tensor) else ".parameters()" if hasattr(params, "parameters") else called
            raise TypeError(f"{who}: params must be an iterable of tensors or dicts, got {type(params).__name__}. Hint: {hint}")
        if isinstance(params, (set, frozenset)):
            raise TypeError(f"{who}: params must have an order, which a set has not. Hint: a list")
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{who}: optimizer got an empty parameter list. Hint: model.parameters() after its layers are made"
            )
        self.defaults = defaults
        self.before: dict[Any, Callable] = {}
        self.after: dict[Any, Callable] = {}
        self.state_hooks: dict[str, dict[Any, Callable]] = {when: {} for when in ("saving", "saved", "loading", "loaded")}
        self.depth = 0  # of calls of step() through super()
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.packs = Packs()
        self.param_groups: list[dict[str, Any]] = []
        OPTIMIZERS.add(self)
        wait(self)
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls):
            cls.step = hooked(cls.step)  # type: ignore[method-assign]

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        """Update one parameter from its gradient, by an op."""
        raise NotImplementedError(f"{type(self).__name__}: an optimizer must define update(p, g, group), or step()")

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError or TypeError if the options of a group make no sense."""

    # -- what training calls -------------------------------------------------------------------------------------------
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient. `closure` computes the loss anew first, and is returned.

        Raises, before anything is updated, if a gradient has not its parameter's shape and type.
        """
        loss = None
        if closure is not None and not callable(closure):
            raise TypeError(
                f"{type(self).__name__}.step: closure must be a function that computes the loss, got {closure!r:.60}"
            )
        if closure is not None:
            with mode(grad=True):
                loss = closure()
        groups = [[(p, gradient(self, p)) for p in group["params"] if p._grad is not None] for group in self.param_groups]
        with mode(grad=False):
            for k, (group, ready) in enumerate(zip(self.param_groups, groups, strict=True)):
                for p, g in self.packed(k, group, ready):
                    self.update(p, g, group)
        return loss

    def packed(self, k: int, group: dict[str, Any], ready: list) -> list:
        """Update the small parameters of group k together, if that makes no difference; those that remain are returned."""
        small = [(p, g) for p, g in ready if p.array.size <= SMALL]
        several = len(small) > 1 or (small and k in self.packs.packs)  # a pack's count of steps would not do for one alone
        pack = self.packs.pack(k, [p for p, _ in small], self.state) if self.elementwise and several else None
        if pack is None:
            return ready
        pack.gather([g for _, g in small])
        self.packs.current = pack
        self.update(pack.flat, pack.grad, group)
        pack.scatter()
        pack.show(self.state)
        return [(p, g) for p, g in ready if p.array.size > SMALL]

    def register_step_pre_hook(self, hook: Callable) -> Hook:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new (args, kwargs). args[0] is the optimizer."""
        return Hook(self.before, hook)

    def register_step_post_hook(self, hook: Callable) -> Hook:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return Hook(self.after, hook)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every gradient, or write zeros into it."""
        for p in chain.from_iterable(group["params"] for group in self.param_groups):
            if set_to_none:
                p.grad = None
            elif p._grad is not None:
                p.grad = p.grad.detach().zero_()

    def kept(self, p: Tensor, name: str, make: Callable[[Tensor], Tensor] = zeros_like) -> Tensor:
        """The state `name` of a parameter, made when first asked for; unrecorded, since a replay must not remake it."""
        state = self.packs.state_of(p, self.state)
        if name not in state:
            with mode(grad=False, listeners=()):
                state[name] = make(p)
        return state[name]

    # -- groups --------------------------------------------------------------------------------------------------------
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, such as newly unfrozen layers."""
        who = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"{who}: a parameter group must be a dict with the key 'params', got {param_group!r:.60}")
        given = param_group["params"]
        if isinstance(given, (set, frozenset)):
            raise TypeError(f"{who}: params must have an order, which a set has not. Hint: a list")
        params = [given] if isinstance(given, Tensor) else list(given)
        names = [p[0] for p in params if isinstance(p, tuple)]
        if names:
            if len(names) < len(params):
                raise ValueError(f"{who}: either all parameters of a group have names or none")
            params = [p for _, p in params]
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for k, p in enumerate(params):
            what = f"parameter {names[k] if names else k}"
            if not isinstance(p, Tensor):
                raise TypeError(f"{who}: an optimizer can only optimize tensors, {what} is a {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"{who}: can't optimize a non-leaf tensor, {what} is the output of "
                                 f"{p.grad_fn.op.name}. Hint: .detach().requires_grad_()")  # fmt: skip
            if id(p) in known:
                raise ValueError(f"{who}: some parameters appear more than once: {what}, of shape {tuple(p.shape)}")
            known.add(id(p))
        group = {**self.defaults, **param_group, "params": params}
        if names:
            group["param_names"] = names
        self.check(group)
        self.param_groups.append(group)

    # -- saving and loading --------------------------------------------------------------------------------------------
    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Hook:
        """Call `hook(optimizer)` before `state_dict()`, after the hooks there are or, with `prepend`, before them."""
        return Hook(self.state_hooks["saving"], hook, first=prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Hook:
        """Call `hook(optimizer, state_dict)` on what `state_dict()` made; what it returns, unless None, replaces that."""
        return Hook(self.state_hooks["saved"], hook, first=prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Hook:
        """Call `hook(optimizer, state_dict)` on a shallow copy of what is to be loaded; it may return another."""
        return Hook(self.state_hooks["loading"], hook, first=prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Hook:
        """Call `hook(optimizer)` after `load_state_dict()`."""
        return Hook(self.state_hooks["loaded"], hook, first=prepend)

    def _passed(self, when: str, state_dict: Any) -> Any:
        """A state dict, through the hooks that may replace it."""
        for hook in list(self.state_hooks[when].values()):
            given = hook(self, state_dict)
            state_dict = state_dict if given is None else given
        return state_dict

    def state_dict(self) -> dict[str, Any]:
        """{"state": {i: ...}, "param_groups": [...]}, with parameters numbered in the order of the groups."""
        for hook in list(self.state_hooks["saving"].values()):
            hook(self)
        number = {id(p): i for i, p in enumerate(parameters(self))}
        state = {number.get(id(p), p): values for p, values in self.state.items()}
        groups = [{**group, "params": [number[id(p)] for p in group["params"]]} for group in self.param_groups]
        return self._passed("saved", {"state": state, "param_groups": groups})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and (copies of) state that `state_dict()` gave; all of it or, if it does not fit, nothing.

        Raises ValueError that names what does not fit: number or sizes of groups, or the shape of a state.
        """
        who = f"{type(self).__name__}.load_state_dict"
        state_dict = self._passed("loading", dict(state_dict) if isinstance(state_dict, dict) else state_dict)
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
            raise ValueError(f"{who}: expected a dict with 'state' and 'param_groups'. Hint: the result of state_dict()")
        groups, state = state_dict["param_groups"], state_dict["state"]
        sizes, wanted = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes != wanted:
            raise ValueError(f"{who}: the loaded parameter groups have {sizes} parameters, the optimizer's {wanted}")
        loaded = [{**mine, **theirs, "params": mine["params"]} for mine, theirs in zip(self.param_groups, groups, strict=True)]
        for group in loaded:
            lr = group["lr"] if "initial_lr" in group else None  # a schedule that ends at 0 may round to less
            self.check({**group, "lr": -lr} if isinstance(lr, (Real, Tensor)) and lr < 0 else group)
        param = dict(zip((i for g in groups for i in g["params"]), parameters(self), strict=True))
        new: defaultdict[Any, Any] = defaultdict(dict)
        for i, values in state.items():
            if i in param:
                new[param[i]] = {
                    name: self.fitted(f"{who}: {name} of parameter {i}", param[i], name, x) for name, x in values.items()
                }
            else:
                new[i] = values
        self.param_groups, self.state = loaded, new
        for hook in list(self.state_hooks["loaded"].values()):
            hook(self)

    def fitted(self, who: str, p: Tensor, name: str, value: Any) -> Any:
        """A copy of a loaded state in the type and on the device of its parameter. Raises ValueError for another shape."""
        if name in COUNTS:
            return tensor(value, dtype=COUNTS[name](p), device=p.device)
        if not isinstance(value, Tensor):
            return value
        shape = self.shape_of(p, name)
        if value.ndim and value.shape != shape:
            raise ValueError(f"{who}: expected shape {shape}, got {tuple(value.shape)}")
        kind = p.dtype if value.dtype.is_complex else p.dtype.to_real() if value.dtype.is_floating_point else None
        return tensor(value, dtype=kind, device=p.device)

    def shape_of(self, p: Tensor, name: str) -> tuple[int, ...]:
        """The shape of a parameter's state: its own, unless a subclass says otherwise."""
        return tuple(p.shape)

    def __getstate__(self) -> dict[str, Any]:
        """What is copied or pickled: every parameter with a state of its own, which no pack shares."""
        for k in list(self.packs.packs):
            self.packs.dissolve(k, self.state)
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        OPTIMIZERS.add(self)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def register_optimizer_step_pre_hook(hook: Callable) -> Hook:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer, as `register_step_pre_hook` does of one."""
    return Hook(BEFORE_ALL, hook)


def register_optimizer_step_post_hook(hook: Callable) -> Hook:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return Hook(AFTER_ALL, hook)


def hooked(step: Callable) -> Callable:
    """`step` between the optimizer's hooks; a step that calls its base's runs them once."""

    @wraps(step)
    def called(self: Optimizer, *args: Any, **options: Any) -> Any:
        if "depth" not in vars(self):  # one around another, as Lookahead is, may never have called Optimizer.__init__
            self.stepped = True
            return step(self, *args, **options)
        outer = self.depth == 0
        for hook in [*BEFORE_ALL.values(), *self.before.values()] if outer else ():
            given = hook(self, (self, *args), options)
            if given is not None and not (isinstance(given, tuple) and len(given) == 2):
                raise TypeError(f"{type(self).__name__}: a step pre-hook must return None or (args, kwargs), got {given!r:.60}")
            args, options = (given[0][1:], given[1]) if given else (args, options)
        self.depth += 1
        try:
            result = step(self, *args, **options)
        finally:
            self.depth -= 1
        if not self.stepped:
            self.stepped = True
            look_for_lost(self)
        for hook in [*self.after.values(), *AFTER_ALL.values()] if outer else ():
            hook(self, (self, *args), options)
        return result

    return called


def parameters(optimizer: Optimizer) -> Iterable[Tensor]:
    """Those of all groups. It is no method, since optimizers of users have attributes of such names."""
    return chain.from_iterable(group["params"] for group in optimizer.param_groups)


def look_for_lost(optimizer: Optimizer) -> None:
    """Warn of parameters that got a gradient and that no optimizer has, such as those of layers made later."""
    owned = {id(p) for one in OPTIMIZERS for p in parameters(one)}
    lost = [tuple(p.shape) for p in arrived(optimizer) if type(p) is not Tensor and id(p) not in owned]
    if lost:
        advise(f"{type(optimizer).__name__}: no optimizer has the parameter of shape {lost[0]} ({len(lost)} in all), which got "
               "a gradient: it is never trained. Hint: make the optimizer last, or .requires_grad_(False)")  # fmt: skip


Optimizer.step = hooked(Optimizer.step)  # type: ignore[method-assign]


def gradient(optimizer: Optimizer, p: Tensor) -> Tensor:
    """The gradient of a parameter, if it fits."""
    g: Any = p._grad
    if type(g) is SparseTensor:
        if not optimizer.sparse:
            who = type(optimizer).__name__
            raise RuntimeError(f"{who}: does not support sparse gradients. Hint: SparseAdam, SGD or Adagrad, or sparse=False")
        if any(group.get("weight_decay") for group in optimizer.param_groups):
            raise RuntimeError(f"{type(optimizer).__name__}: weight_decay option is not compatible with sparse gradients")
        return g.to_dense()
    if g.array.shape != p.array.shape or g.array.dtype != p.array.dtype:
        who = f"{type(optimizer).__name__}: a gradient must have its parameter's"
        if g.array.shape != p.array.shape:
            raise ShapeError(f"{who} shape {tuple(p.shape)}, got {tuple(g.shape)}")
        raise DTypeError(f"{who} type {p.dtype!r}, got {g.dtype!r}. Hint: .to()")
    return g


def rate(lr: float | Tensor, p: Tensor) -> float | Tensor:
    """The learning rate as an op takes it: a tensor in the parameter's type, real."""
    return lr.reshape(()).to(p.device, p.dtype.to_real()) if isinstance(lr, Tensor) else lr


def filled(p: Tensor, value: float) -> Tensor:
    """A state that starts at one value, in both parts if the parameter is complex."""
    return full_like(p, value * (1 + 1j) if p.dtype.is_complex else value)


def counter(p: Tensor) -> Tensor:
    """A count of steps that begins at 0."""
    return zeros((), dtype=count_type(p), device=p.device)


# -- hyper-parameters --------------------------------------------------------------------------------------------------


def number(who: str, name: str, value: Any, low: float = -math.inf, below: float = math.inf) -> None:
    """Raise TypeError unless `value` is a number, ValueError unless low <= value < below."""
    if isinstance(value, Tensor) and value.array.size == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{who}: {name} must be a number, got {type(value).__name__} {value!r}")
    if not low <= float(value) < below or math.isinf(value):
        limits = f" >= {low:g}" if low > -math.inf else ""
        limits += f" and < {below:g}" if below < math.inf else ""
        raise ValueError(f"{who}: Invalid {name}: expected a finite number{limits}, got {value!r}")


def decays(who: str, betas: Any) -> None:
    """Raise TypeError or ValueError unless `betas` are two numbers of at least 0 and below 1."""
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise TypeError(f"{who}: betas must be two numbers, got {betas!r}. Hint: betas=(0.9, 0.999)")
    for i, beta in enumerate(betas):
        number(who, f"beta parameter at index {i}", beta, 0, 1)


def flag(who: str, name: str, value: Any) -> None:
    """Raise TypeError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{who}: {name} must be True or False, got {type(value).__name__} {value!r}")


def real(who: str, group: dict[str, Any]) -> None:
    """Raise ValueError for complex parameters."""
    if any(p.dtype.is_complex for p in group["params"]):
        raise ValueError(f"{who} does not support complex parameters")


def plain(who: str, group: dict[str, Any]) -> None:
    """Raise ValueError for `differentiable`, which would need updates that are not in place."""
    if group["differentiable"]:
        raise ValueError(f"{who}: differentiable=True is not supported. Hint: write the update with plain ops")
