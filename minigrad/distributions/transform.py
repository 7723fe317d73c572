"""Transform: what all functions with an inverse and a known Jacobian share, and those that are made of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..ops import functions
from .constraints import Constraint, cat, independent, real, stack
from .distribution import summed


class Transform:
    """y = t(x), and x = t.inv(y). Of your own: `domain`, `codomain`, `bijective`, `_call(x)`, `_inverse(y)` and
    `log_abs_det_jacobian(x, y)`.

    With `cache_size=1` the last pair is kept, so that inverting what has just been computed costs nothing and is exact.
    """

    bijective = False
    domain: Any = real
    codomain: Any = real

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("Transform: cache_size must be 0 or 1")
        self._cache_size, self._inv = cache_size, None
        self._cached_x_y: tuple = (None, None)

    @property
    def event_dim(self) -> int:
        """Of how many dimensions an argument is, if a value has as many."""
        if self.domain.event_dim == self.codomain.event_dim:
            return self.domain.event_dim
        raise ValueError(f"{type(self).__name__}: Please use either .domain.event_dim or .codomain.event_dim")

    @property
    def inv(self) -> Transform:
        """The inverse, whose own inverse this is."""
        if self._inv is None:
            self._inv = _InverseTransform(self)  # type: ignore[assignment]
        return self._inv  # type: ignore[return-value]

    @property
    def sign(self) -> Any:
        """1 if it rises and -1 if it falls everywhere."""
        raise NotImplementedError(f"{type(self).__name__}: sign")

    def with_cache(self, cache_size: int = 1) -> Any:
        """The same transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        if type(self).__init__ is Transform.__init__:
            return type(self)(cache_size=cache_size)
        raise NotImplementedError(f"{type(self)}.with_cache is not implemented")

    def __call__(self, x: Any) -> Any:
        if self._cache_size == 0:
            return self._call(x)
        if x is not self._cached_x_y[0]:
            self._cached_x_y = x, self._call(x)
        return self._cached_x_y[1]

    def _inv_call(self, y: Any) -> Any:
        if self._cache_size == 0:
            return self._inverse(y)
        if y is not self._cached_x_y[1]:
            self._cached_x_y = self._inverse(y), y
        return self._cached_x_y[0]

    def _call(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: _call")

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: _inverse")

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |det dy/dx| where y = t(x)."""
        raise NotImplementedError(f"{type(self).__name__}: log_abs_det_jacobian")

    def forward_shape(self, shape: Any) -> Any:
        """The shape of t(x) for an x of this shape."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x for a t(x) of this shape."""
        return shape

    def __eq__(self, other: Any) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Fixed(Transform):
    """A transform without parameters: any two of a class are equal."""

    def with_cache(self, cache_size: int = 1) -> Any:
        return type(self)(cache_size=cache_size)

    def __eq__(self, other: Any) -> bool:
        return type(self) is type(other)

    __hash__ = None  # type: ignore[assignment]


class _InverseTransform(Transform):
    """The inverse of a transform; the pair that is kept is that one's."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._inv = transform  # type: ignore[assignment]

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return self.inv.codomain

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        return self.inv.domain

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return self.inv.bijective

    @property
    def sign(self) -> Any:
        return self.inv.sign

    def with_cache(self, cache_size: int = 1) -> Any:
        return self.inv.with_cache(cache_size).inv

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _InverseTransform) and self.inv == other.inv

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Any) -> Any:
        return self.inv._inv_call(x)

    def _inv_call(self, y: Any) -> Any:
        return self.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self.inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self.inv.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.inv.forward_shape(shape)

    def __repr__(self) -> str:
        return f"_InverseTransform({self.inv!r})"


class ComposeTransform(Transform):
    """Several one after the other, the first first."""

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else list(parts)
        super().__init__(cache_size)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        if not self.parts:
            return real
        dims = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            dims = max(dims + part.domain.event_dim - part.codomain.event_dim, part.domain.event_dim)
        return wider(self.parts[0].domain, dims)

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        if not self.parts:
            return real
        dims = self.parts[0].domain.event_dim
        for part in self.parts:
            dims = max(dims + part.codomain.event_dim - part.domain.event_dim, part.codomain.event_dim)
        return wider(self.parts[-1].codomain, dims)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        sign: Any = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    def with_cache(self, cache_size: int = 1) -> Any:
        return self if self._cache_size == cache_size else ComposeTransform(self.parts, cache_size)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inv_call(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part._inv_call(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return functions.zeros_like(x)
        values = [x]
        for part in self.parts[:-1]:
            values.append(part(values[-1]))
        values.append(y)
        total: Any = 0
        dims = self.domain.event_dim
        for part, before, after in zip(self.parts, values, values[1:], strict=False):
            total = total + summed(part.log_abs_det_jacobian(before, after), dims - part.domain.event_dim)
            dims += part.codomain.event_dim - part.domain.event_dim
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return "ComposeTransform(\n    " + ",\n    ".join(map(repr, self.parts)) + "\n)"


def wider(condition: Constraint, dims: int) -> Constraint:
    """A condition on values of at least so many dimensions."""
    return independent(condition, dims - condition.event_dim) if dims > condition.event_dim else condition


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """`base_transform`, the last `reinterpreted_batch_ndims` dimensions of which are one value's: the Jacobian is summed over
    them."""

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size) if cache_size else base_transform
        self.reinterpreted_batch_ndims, self.bijective = reinterpreted_batch_ndims, base_transform.bijective

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        return independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def with_cache(self, cache_size: int = 1) -> Any:
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size)

    def _call(self, x: Any) -> Any:
        return self.base_transform(x)

    def _inverse(self, y: Any) -> Any:
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return summed(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"IndependentTransform({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


class Beside(Transform):
    """The base of transforms that do to each part of x along `dim` what `tseq` says."""

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int) -> None:
        who = type(self).__name__
        if not tseq or not all(isinstance(t, Transform) for t in tseq):
            raise ValueError(f"{who}: tseq must be a sequence of one Transform or more, got {tseq!r:.60}")
        super().__init__(cache_size)
        self.transforms, self.dim = [t.with_cache(cache_size) if cache_size else t for t in tseq], dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    def _parts(self, x: Any) -> Sequence[Any]:
        """x by parts, one for each transform."""
        raise NotImplementedError

    def _whole(self, parts: list[Any]) -> Any:
        """The parts as one."""
        raise NotImplementedError

    def _call(self, x: Any) -> Any:
        return self._whole([t(part) for t, part in zip(self.transforms, self._parts(x), strict=True)])

    def _inverse(self, y: Any) -> Any:
        return self._whole([t.inv(part) for t, part in zip(self.transforms, self._parts(y), strict=True)])

    def _jacobians(self, x: Any, y: Any) -> list[Any]:
        triples = zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        return [t.log_abs_det_jacobian(a, b) for t, a, b in triples]


class CatTransform(Beside):
    """`tseq`, each of a part of x: `lengths` long each, side by side along `dim`, as `cat` has them."""

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise ValueError(
                f"CatTransform: expected a length for each of {len(self.transforms)} transforms, got {len(self.lengths)}"
            )

    @property
    def length(self) -> int:
        """The size of x along `dim`."""
        return sum(self.lengths)

    @property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        return cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def with_cache(self, cache_size: int = 1) -> Any:
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, x: Any) -> Sequence[Any]:
        if x.shape[self.dim] != self.length:
            raise ValueError(f"CatTransform: expected size {self.length} along dimension {self.dim}, got {tuple(x.shape)}")
        return x.split(self.lengths, self.dim)

    def _whole(self, parts: list[Any]) -> Any:
        return functions.cat(parts, self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        each = self._jacobians(x, y)
        each = [summed(j, self.event_dim - t.event_dim) for t, j in zip(self.transforms, each, strict=True)]
        dim = self.dim - (x.ndim if self.dim >= 0 else 0) + self.event_dim
        return functions.cat(each, dim) if dim < 0 else sum(each)  # parts of one value, whose Jacobians multiply


class StackTransform(Beside):
    """`tseq`, one for each place along `dim`, as `stack` has them."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        return stack([t.codomain for t in self.transforms], self.dim)

    def with_cache(self, cache_size: int = 1) -> Any:
        return StackTransform(self.transforms, self.dim, cache_size)

    def _parts(self, x: Any) -> Sequence[Any]:
        if x.shape[self.dim] != len(self.transforms):
            raise ValueError(
                f"StackTransform: expected size {len(self.transforms)} along dimension {self.dim}, got {tuple(x.shape)}"
            )
        return x.unbind(self.dim)

    def _whole(self, parts: list[Any]) -> Any:
        return functions.stack(parts, self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self._whole(self._jacobians(x, y))


class ReshapeTransform(Transform):
    """Values of shape `in_shape` as values of `out_shape`."""

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ValueError("ReshapeTransform: in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return independent(real, len(self.in_shape))

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        return independent(real, len(self.out_shape))

    def with_cache(self, cache_size: int = 1) -> Any:
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size)

    def _call(self, x: Any) -> Any:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Any) -> Any:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return functions.zeros(*self._other(x.shape, self.in_shape, ()), dtype=x.dtype, device=x.device)

    def forward_shape(self, shape: Any) -> Any:
        return self._other(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._other(shape, self.out_shape, self.in_shape)

    def _other(self, shape: Any, old: tuple, new: tuple) -> tuple:
        cut = len(shape) - len(old)
        if cut < 0 or tuple(shape[cut:]) != old:
            raise ValueError(f"ReshapeTransform: Shape mismatch: expected {old} but got {tuple(shape[max(cut, 0) :])}")
        return (*shape[:cut], *new)
