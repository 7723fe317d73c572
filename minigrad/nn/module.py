"""Module: a function with parameters. It keeps its parameters, buffers and submodules by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ..autograd import Hook
from ..backends import DType, DTypeError, ShapeError
from ..backends import dtype as as_dtype
from ..core import MODE, Tensor
from ..ops.create import empty
from ..trace import scope
from .hooks import EVERYWHERE, Passage, registered
from .parameter import Buffer, Parameter
from .state import Stateful
from .trouble import note

_STORES = ("_parameters", "_buffers", "_modules")
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_INSIDE: ContextVar[tuple[dict, str]] = ContextVar("minigrad_module", default=({}, ""))


class Module(Stateful):
    """A layer or a whole network: subclass it, make parameters and submodules in `__init__`, compute in `forward`.

    What is assigned to an attribute is registered by its type: Parameter, Buffer, Module; everything else stays plain.
    Call the module, not `forward`, so that hooks run and pictures know whose call it was.
    """

    training: bool

    def __init__(self) -> None:
        stores: dict[str, Any] = {store: {} for store in (*_STORES, *_HOOKS, "_hook_options")}
        self.__dict__.update(training=True, _non_persistent_buffers_set=set(), **stores)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass gives its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # -- calling -----------------------------------------------------------------------------------------------------
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            listened = MODE.get().listeners
            if not listened and not self.is_hooked():
                return self.forward(*args, **kwargs)
            if listened:
                label, inside = self._place()
                token = _INSIDE.set(inside)
                try:
                    with scope(label, self):
                        return self._hooked(*args, **kwargs)
                finally:
                    _INSIDE.reset(token)
            return self._hooked(*args, **kwargs)
        except (ShapeError, DTypeError) as error:
            note(error, Module.__call__.__code__)
            raise
        except KeyError:
            if _STORES[0] in self.__dict__:
                raise
            raise AttributeError(f"{type(self).__name__}: called before Module.__init__(). Hint: super().__init__() first "
                                 "in your __init__") from None  # fmt: skip

    def _hooked(self, *args: Any, **kwargs: Any) -> Any:
        """`forward` between its hooks."""
        for hook, with_kwargs, _ in self._hooks_of("_forward_pre_hooks"):
            new = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if new is None:
                continue
            if with_kwargs:
                if not (isinstance(new, tuple) and len(new) == 2):
                    raise RuntimeError(f"{type(self).__name__}: a forward pre-hook with_kwargs must return None or a tuple of "
                                       f"(new_args, new_kwargs), but got {new!r:.60}")  # fmt: skip
                args, kwargs = new
            else:
                args = new if isinstance(new, tuple) else (new,)
        before, after = ([hook for hook, *_ in self._hooks_of(kind)] for kind in ("_backward_pre_hooks", "_backward_hooks"))
        passage = Passage(self, before, after) if before or after else None
        args = args if passage is None else passage.entered(args)
        waiting = self._hooks_of("_forward_hooks")
        output = None
        try:
            output = self.forward(*args, **kwargs)
            while waiting:
                hook, with_kwargs, _ = waiting.pop(0)
                new = hook(self, args, kwargs, output) if with_kwargs else hook(self, args, output)
                output = output if new is None else new
        except Exception:
            for hook, with_kwargs, always in waiting:
                if always:
                    hook(self, args, kwargs, output) if with_kwargs else hook(self, args, output)
            raise
        return output if passage is None else passage.returned(output)

    def _hooks_of(self, kind: str) -> list:
        """(hook, with_kwargs, always_call) of a kind: those of all modules, then this one's own."""
        own = ((hook, *self._hook_options.get(key, (False, False))) for key, hook in self.__dict__[kind].items())
        return [*(entry for of, *entry in EVERYWHERE.values() if of == kind), *own]

    def is_hooked(self) -> bool:
        """Whether any hook runs when the module is called."""
        d = self.__dict__
        own = d["_forward_pre_hooks"] or d["_forward_hooks"] or d["_backward_pre_hooks"] or d["_backward_hooks"]
        return bool(own or EVERYWHERE)

    def _place(self) -> tuple[str, tuple[dict, str]]:
        """The module's path in the module that is calling it (its class name if none is), and what is inside of it."""
        paths, outer = _INSIDE.get()
        path = paths.get(id(self))
        if path is None:
            return type(self).__name__, ({id(m): name for name, m in self.named_modules()}, "")
        return path.removeprefix(f"{outer}.") if outer else path, (paths, path)

    # -- attributes ----------------------------------------------------------------------------------------------------
    def __getattr__(self, name: str) -> Any:
        stored = self.__dict__
        for store in _STORES:
            values = stored.get(store, ())
            if name in values:
                return values[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        kind = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        if isinstance(value, Buffer):
            self._forget(name)
            self.register_buffer(name, value, value.persistent)
        elif kind is not None:
            if kind not in self.__dict__:
                raise AttributeError(f"cannot assign {name!r} before Module.__init__() call. Hint: super().__init__() first")
            if kind == "_modules" and name in self._parameters:
                self._replace("_parameters", name, value)
            self._forget(name, keep=kind)
            if kind == "_parameters":
                self._check_name("parameter", name, self._parameters)
            self.__dict__[kind][name] = registered(self, kind, name, value)
        else:
            for store in _STORES:
                if name in self.__dict__.get(store, ()):
                    self._replace(store, name, value)
                    return
            object.__setattr__(self, name, value)

    def _replace(self, store: str, name: str, value: Any) -> None:
        """A registered name gets a value that is no Parameter and no Module: a tensor for a buffer, or None."""
        if value is not None and not (store == "_buffers" and isinstance(value, Tensor)):
            what, wanted = {"_parameters": ("parameter", "Parameter"), "_buffers": ("buffer", "a tensor"),
                            "_modules": ("child module", "Module")}[store]  # fmt: skip
            raise TypeError(f"cannot assign {type(value).__name__!r} as {what} {name!r} ({wanted} or None expected)")
        self.__dict__[store][name] = value

    def __delattr__(self, name: str) -> None:
        if any(name in self.__dict__.get(store, ()) for store in _STORES):
            self._forget(name)
        else:
            object.__delattr__(self, name)

    def _forget(self, name: str, keep: str = "") -> None:
        """Take a name out of every place but `keep`, where the order of registration stays."""
        for store in (self.__dict__, *(self.__dict__[s] for s in _STORES if s != keep)):
            store.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for store in _STORES for name in self.__dict__[store])})

    def _register(self, what: str, store: str, kind: type, name: str, value: Any) -> None:
        if store not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call. Hint: super().__init__() first")
        self._check_name(what, name, self.__dict__[store])
        if not (value is None or isinstance(value, kind)):
            made = value.__name__ if isinstance(value, type) and issubclass(value, kind) else ""
            hint = f". Hint: {made}()" if made else ". Hint: *layers" if isinstance(value, list) and kind is Module else ""
            raise TypeError(
                f"cannot assign {type(value).__name__!r} to {what} {name!r} ({kind.__name__} or None expected){hint}"
            )
        self.__dict__[store][name] = registered(self, store, name, value)

    def _check_name(self, what: str, name: str, known: dict[str, Any]) -> None:
        """Raise TypeError or KeyError for what can't be a name, or is that of something not among the `known`."""
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{type(self).__name__}: {what} name can't be empty or contain '.', got {name!r}")
        if hasattr(self, name) and name not in known:
            raise KeyError(f"{type(self).__name__}: attribute {name!r} already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` the parameter `name`. Raises KeyError if the name is taken, TypeError for anything else."""
        self._register("parameter", "_parameters", Parameter, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` the buffer `name`: state that is not trained; only a persistent one is in the `state_dict`."""
        self._register("buffer", "_buffers", Tensor, name, tensor)
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Make `module` the submodule `name`."""
        self._register("module", "_modules", Module, name, module)

    add_module = register_module

    # -- what is in it -------------------------------------------------------------------------------------------------
    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(path, module) of this module and all below it, parents first; a shared one comes once."""
        seen: set[int] = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            below = [(f"{path}.{name}" if path else name, m) for name, m in module._modules.items() if m is not None]
            stack += reversed(below)

    def _named(self, store: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        seen: set[int] = set()
        for path, module in modules:
            for name, value in module.__dict__[store].items():
                if value is None or (remove_duplicate and id(value) in seen):
                    continue
                seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter) of all parameters; a shared one comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(path, buffer) of all buffers; a shared one comes once."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the immediate submodules; a shared one comes once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters: what an optimizer takes."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def children(self) -> Iterator[Module]:
        """The immediate submodules."""
        return (m for _, m in self.named_children())

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it."""
        return (m for _, m in self.named_modules(remove_duplicate=remove_duplicate))

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "encoder.0.bn". Raises AttributeError that names where the path ends."""
        module: Module = self
        for name in target.split(".") if target else ():
            if name not in module._modules:
                raise AttributeError(f"{type(module).__name__} has no submodule {name!r} (in {target!r}). "
                                     f"Hint: it has {', '.join(module._modules) or 'none'}")  # fmt: skip
            module = module._modules[name]
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at a path; with `strict` only in the place of another. Raises AttributeError if the path ends early."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not name or (strict and name not in owner._modules):
            raise AttributeError(f"{type(owner).__name__} has no submodule {name!r} (in {target!r})")
        owner.register_module(name, module) if name not in owner._modules else setattr(owner, name, module)

    def _at(self, store: str, what: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if name not in owner.__dict__[store]:
            raise AttributeError(f"{type(owner).__name__} has no {what} {name!r} (in {target!r}). "
                                 f"Hint: it has {', '.join(owner.__dict__[store]) or 'none'}")  # fmt: skip
        return owner.__dict__[store][name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.0.weight"."""
        return self._at("_parameters", "parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "encoder.0.running_mean"."""
        return self._at("_buffers", "buffer", target)

    # -- changing it ---------------------------------------------------------------------------------------------------
    def train(self, mode: bool = True) -> Module:
        """Put all modules into training (or, with False, evaluation): dropout and batch norm behave differently."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode is expected to be a boolean, got {type(mode).__name__}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Put all modules into evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Whether the parameters want gradients: False freezes them."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with 0."""
        for p in self.parameters():
            if p.grad is not None:
                p.grad = None if set_to_none else p.grad.detach().zero_()

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call `fn` on every module, children first, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Module:
        """Replace every parameter's memory, gradient and buffer by `fn(tensor)`. Parameters stay the same objects."""
        done: dict[int, Tensor] = {}  # a tensor that several modules share stays shared
        for module in self.modules() if recurse else (self,):
            for p in module._parameters.values():
                if p is not None and id(p) not in done:
                    done[id(p)] = p
                    p.data = fn(p.data)
                    p.grad = None if p.grad is None else fn(p.grad)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    if id(buffer) not in done:
                        done[id(buffer)] = fn(buffer)
                    module._buffers[name] = done[id(buffer)]
        return self

    def to(
        self, *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, memory_format: Any = None
    ) -> Module:
        """Move all to a device, floating and complex tensors to a dtype: `.to("cuda")`, `.to(float64)`, `.to(tensor)`."""
        for a in args:
            if isinstance(a, Tensor):
                device, dtype = a.device, a.dtype
            elif isinstance(a, DType):
                dtype = a
            elif a is not None and not isinstance(a, bool):
                device = a
        if dtype is not None and not as_dtype(dtype).is_inexact:
            raise TypeError(f"Module.to: expected a floating dtype, got {as_dtype(dtype)!r}")
        return self._apply(lambda t: t.to(device=device, dtype=dtype if t.dtype.is_inexact else None))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Module:
        """Move everything to a device without its numbers: the memory there is not initialised."""
        return self._apply(lambda t: empty(*t.shape, dtype=t.dtype, device=device), recurse)

    def cpu(self) -> Module:
        """Move everything to the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Module:
        """Move everything to the GPU."""
        return self.to("cuda" if device is None else device)

    def _floats(self, dtype: str) -> Module:
        return self._apply(lambda t: t.to(dtype=as_dtype(dtype)) if t.dtype.is_floating_point else t)

    def float(self) -> Module:
        """Floating parameters and buffers to float32."""
        return self._floats("float32")

    def double(self) -> Module:
        """Floating parameters and buffers to float64."""
        return self._floats("float64")

    def half(self) -> Module:
        """Floating parameters and buffers to float16."""
        return self._floats("float16")

    def bfloat16(self) -> Module:
        """Floating parameters and buffers to bfloat16."""
        return self._floats("bfloat16")

    def type(self, dst_type: Any) -> Module:
        """Parameters and buffers to another type."""
        return self._apply(lambda t: t.to(dtype=as_dtype(dst_type)))

    def share_memory(self) -> Module:
        """Nothing: the module as it is. Memory is shared with a forked process until one writes."""
        return self

    def compile(self, *args: Any, **options: Any) -> None:
        """Nothing: what is not compiled gives the same numbers."""

    # -- hooks ---------------------------------------------------------------------------------------------------------
    def register_forward_pre_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False) -> Hook:
        """Call `hook(module, args)` before `forward`; what it returns, unless None, replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)`, and returns both.
        """
        return self._hook("_forward_pre_hooks", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> Hook:
        """Call `hook(module, args, output)` after `forward`; what it returns, unless None, replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`. With `always_call` it is called, with None for the
        output, even if `forward` raises; that error then goes on.
        """
        return self._hook("_forward_hooks", hook, prepend, with_kwargs, always_call)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> Hook:
        """Call `hook(module, grad_input, grad_output)` in backpropagation, once the gradients of the inputs are known.

        Both are tuples, with None for what is no tensor. A tuple that it returns takes the place of grad_input.
        """
        return self._hook("_backward_hooks", hook, prepend)

    def register_backward_hook(self, hook: Callable) -> Hook:
        """PyTorch's older `register_full_backward_hook`: here both tell the gradients of the module's own inputs."""
        return self.register_full_backward_hook(hook)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> Hook:
        """Call `hook(module, grad_output)` before backpropagation through it; what it returns replaces grad_output."""
        return self._hook("_backward_pre_hooks", hook, prepend)

    def _hook(self, kind: str, hook: Callable, prepend: bool, with_kwargs: bool = False, always_call: bool = False) -> Hook:
        """Register a hook, last or first."""
        handle = Hook(self.__dict__[kind], hook, first=prepend)
        if with_kwargs or always_call:
            self._hook_options[handle.key] = (with_kwargs, always_call)
        return handle

    # -- printing ------------------------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """What stands between the brackets of the module's repr: its settings."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return tree(self._get_name(), self.extra_repr(), [(name, repr(m)) for name, m in self._modules.items()])


def tree(head: str, extra: str, children: list[tuple[str, str]]) -> str:
    """A module's repr: its name and settings, and its children's reprs indented below."""
    lines = [f"({name}): {text}".replace("\n", "\n  ") for name, text in children]
    extras = extra.split("\n") if extra else []
    if not lines and len(extras) < 2:
        return f"{head}({extra})"
    return f"{head}(\n  " + "\n  ".join(extras + lines) + "\n)"
