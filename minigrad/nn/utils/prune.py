"""Pruning: a parameter `w` becomes the parameter `w_orig` times the buffer `w_mask`, by a hook before each forward.

The functions (`l1_unstructured(module, "weight", 0.3)` ...) prune in place and return the module. `amount` is a share of all
elements, or channels, if it is a float, and their number if it is an integer: TypeError for anything else, ValueError for more
than there are. "Structured" pruning takes whole channels, the slices along `dim`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Any

from ...core import Tensor, mode
from ...ops import functions
from ..module import Module


class BasePruningMethod:
    """A way to prune. A subclass defines `compute_mask(t, default_mask)`, of the importance of elements and the mask so far,
    and PRUNING_TYPE: whether it is given all elements ("global"), those not pruned yet in a row ("unstructured"), or the
    channels along `self.dim` that are not pruned whole ("structured")."""

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        """The new mask, of ones and zeros."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Tensor:
        """The pruned tensor."""
        original = getattr(module, self._tensor_name + "_orig")
        return getattr(module, self._tensor_name + "_mask").to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **options: Any) -> BasePruningMethod:
        """Prune `module.name` further; returns the hook, which is a `PruningContainer` from the second time on.

        Raises AssertionError for scores of another shape, and what the method raises for what it can't prune.
        """
        method: BasePruningMethod = cls(*args, **options)
        method._tensor_name = name
        key, before = pruning_of(module, name)
        value = getattr(module, name if before is None else name + "_orig")
        scores = value if importance_scores is None else importance_scores
        if scores.shape != value.shape:
            raise AssertionError(
                f"{cls.__name__}: importance_scores should have the same shape as parameter {name} of {module}"
            )
        with mode(grad=False):
            if before is None:
                mask = method.compute_mask(scores.detach(), functions.ones_like(value))
                del module._parameters[name]
                module.register_parameter(name + "_orig", value)
            else:
                method = PruningContainer(*(before if isinstance(before, PruningContainer) else [before]), method)
                mask = method.compute_mask(scores.detach(), getattr(module, name + "_mask").to(dtype=value.dtype))
                del module._forward_pre_hooks[key]
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Tensor:
        """A pruned copy of a tensor."""
        scores = t if importance_scores is None else importance_scores
        return t * self.compute_mask(scores, functions.ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Any) -> None:
        """Make the pruned tensor a plain parameter: the pruning becomes permanent."""
        name = self._tensor_name
        with mode(grad=False):
            value = self.apply_mask(module)
        delattr(module, name)
        original: Any = module._parameters.pop(name + "_orig")
        original.data = value
        del module._buffers[name + "_mask"]
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Several ways to prune one tensor, one after the other."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Prune by this one too. Raises TypeError or ValueError for what is none, or for another tensor's."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"PruningContainer: {type(method)} is not a BasePruningMethod subclass")
        if self._pruning_methods and method._tensor_name != self._tensor_name:
            raise ValueError("PruningContainer: Can only add pruning methods acting on the parameter named "
                             f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'")  # fmt: skip
        self._pruning_methods += (method,)
        self._tensor_name = method._tensor_name

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, k: int) -> BasePruningMethod:
        return self._pruning_methods[k]

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        """The mask so far, with zeros where the last method prunes what it left."""
        method, mask = self._pruning_methods[-1], default_mask.clone()
        part: Any = Ellipsis
        if method.PRUNING_TYPE == "unstructured":
            part = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.ndim  # type: ignore[attr-defined]
            keep = mask.sum(tuple(d for d in range(t.ndim) if d != dim)) != 0
            part = (*[slice(None)] * dim, keep)
        elif method.PRUNING_TYPE != "global":
            raise ValueError(f"PruningContainer: Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask[part] = method.compute_mask(t[part], mask[part]).to(dtype=mask.dtype)
        return mask


class Amount(BasePruningMethod):
    """Of n elements or channels `amount` are pruned, or round(amount n) if it is a float."""

    def __init__(self, amount: Any) -> None:
        if not isinstance(amount, Real):
            raise TypeError(f"{type(self).__name__}: Invalid type for amount: {amount}. Must be int or float.")
        if amount < 0 or not (isinstance(amount, int) or amount <= 1):
            raise ValueError(f"{type(self).__name__}: amount={amount} should either be a float in the range [0.0, 1.0] or a "
                             "non-negative integer")  # fmt: skip
        self.amount = amount

    def count(self, n: int) -> int:
        """How many of n. Raises ValueError if there are not so many."""
        k = self.amount if isinstance(self.amount, int) else round(float(self.amount) * n)
        if k > n:
            raise ValueError(f"{type(self).__name__}: amount={k} should be smaller than the number of parameters to prune={n}")
        return k


class Unstructured(Amount):
    """The elements of the lowest score are pruned."""

    def score(self, t: Any) -> Any:
        """The score of each element."""
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        k, mask = self.count(t.numel()), default_mask.clone()
        if k:
            mask.view(-1)[functions.topk(self.score(t).reshape(-1), k, largest=False).indices] = 0
        return mask


class RandomUnstructured(Unstructured):
    """Elements drawn at random are pruned."""

    def score(self, t: Any) -> Any:
        return -functions.rand_like(t)  # as in PyTorch, where the largest numbers fall


class L1Unstructured(Unstructured):
    """The elements of the smallest size are pruned."""

    def score(self, t: Any) -> Any:
        return t.abs()


class Structured(Amount):
    """The channels along `dim` of the lowest score are pruned."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def score(self, channels: Any) -> Any:
        """The score of each row."""
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        if t.ndim < 2:
            raise ValueError(f"{type(self).__name__}: Structured pruning can only be applied to multidimensional tensors. "
                             f"Found tensor of shape {tuple(t.shape)} with {t.ndim} dims")  # fmt: skip
        if not -t.ndim <= self.dim < t.ndim:
            raise IndexError(f"{type(self).__name__}: Invalid index {self.dim} for tensor of size {t.shape}")
        k, mask = self.count(t.shape[self.dim]), default_mask.clone()
        if k:
            least = functions.topk(self.score(t.movedim(self.dim, 0).flatten(1)), k, largest=False).indices
            mask[(*[slice(None)] * (self.dim % t.ndim), least)] = 0
        return mask


class RandomStructured(Structured):
    """Channels drawn at random are pruned."""

    def score(self, channels: Any) -> Any:
        return functions.rand_like(channels[:, 0])


class LnStructured(Structured):
    """The channels of the smallest n-norm are pruned."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def score(self, channels: Any) -> Any:
        return channels.norm(self.n, dim=1)


class Identity(BasePruningMethod):
    """Nothing is pruned yet."""

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        return default_mask


class CustomFromMask(BasePruningMethod):
    """Elements where `mask` is 0 are pruned."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def pruning_of(module: Module, name: str) -> tuple[Any, Any]:
    """The key and the hook that prunes `module.name`; (None, None) if it is not pruned."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key, hook
    return None, None


def identity(module: Module, name: str) -> Module:
    """Prepare `module.name` for pruning, with a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Any) -> Module:
    """Prune `amount` elements (or that share of them) at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Any, importance_scores: Any = None) -> Module:
    """Prune the `amount` smallest elements, or those of the smallest scores."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Any, dim: int) -> Module:
    """Prune `amount` channels along `dim` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Module, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None) -> Module:
    """Prune the `amount` channels along `dim` of the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune where `mask` is 0."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Any, str]], pruning_method: type[BasePruningMethod], importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune the parameters (module, name) as if they were one tensor. `importance_scores` are scores by (module, name)."""
    pairs, scores = list(parameters), importance_scores or {}
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError('global_unstructured: Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
                        f"Found method {pruning_method} of type {method.PRUNING_TYPE}")  # fmt: skip
    method._tensor_name = "_flat"
    values = [getattr(module, name) for module, name in pairs]
    flat = functions.cat([scores.get(pair, value).detach().reshape(-1) for pair, value in zip(pairs, values, strict=True)])
    masks = [getattr(m, f"{name}_mask", functions.ones_like(v)) for (m, name), v in zip(pairs, values, strict=True)]
    mask = PruningContainer(method).compute_mask(flat, functions.cat([m.detach().reshape(-1) for m in masks]))
    parts = mask.split([value.numel() for value in values])
    for (module, name), value, part in zip(pairs, values, parts, strict=True):
        custom_from_mask(module, name, part.view(value.shape))


def remove(module: Module, name: str) -> Module:
    """Make the pruning of `module.name` permanent. Raises ValueError if it is not pruned."""
    key, hook = pruning_of(module, name)
    if hook is None:
        raise ValueError(f"remove: Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    hook.remove(module)
    del module._forward_pre_hooks[key]
    return module


def is_pruned(module: Module) -> bool:
    """Whether a tensor of the module, or of one in it, is pruned."""
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())
