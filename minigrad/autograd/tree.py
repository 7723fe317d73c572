"""Nests of tuples, lists and dicts with tensors at their leaves: what functions take and return."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from ..core import Tensor


def leaves(nest: Any) -> list:
    """Everything in a nest that is no tuple, list or dict, in order."""
    if isinstance(nest, dict):
        return [leaf for part in nest.values() for leaf in leaves(part)]
    if isinstance(nest, (tuple, list)):
        return [leaf for part in nest for leaf in leaves(part)]
    return [nest]


def tensors(nest: Any) -> list[Tensor]:
    """The tensors of a nest, in order."""
    return [leaf for leaf in leaves(nest) if isinstance(leaf, Tensor)]


def mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    """The same nest with `function` of each leaf."""
    if isinstance(nest, dict):
        same = copy(nest)  # which keeps the type, a default too
        same.update((key, mapped(function, part)) for key, part in nest.items())
        return same
    if isinstance(nest, (tuple, list)):
        return rebuilt(nest, [mapped(function, part) for part in nest])
    return function(nest)


def shaped(nest: Any) -> str:
    """The structure of a nest in words, with * for a leaf."""
    return str(mapped(lambda _: "*", nest)).replace("'*'", "*")


def filled(nest: Any, values: list) -> Any:
    """The same nest with `values`, in order, in the place of its leaves."""
    rest = iter(values)
    return mapped(lambda _: next(rest), nest)


def rebuilt(like: Any, parts: list) -> Any:
    """A tuple, named tuple or list like another, of new parts."""
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)


def spread(prefix: Any, nest: Any, who: str) -> list:
    """One value for each leaf of `nest`, from a nest that may end earlier: 0 stands for every leaf below it.

    Raises ValueError where the two don't match.
    """
    if isinstance(nest, (dict, tuple, list)) and isinstance(prefix, (dict, tuple, list)):
        keys = list(nest) if isinstance(nest, dict) else range(len(nest))
        fits = isinstance(prefix, dict) == isinstance(nest, dict) and len(prefix) == len(nest)
        if not fits or (isinstance(nest, dict) and set(prefix) != set(nest)):
            raise ValueError(f"{who}: {prefix!r} does not match the structure of {len(nest)} values")
        return [value for key in keys for value in spread(prefix[key], nest[key], who)]
    if isinstance(prefix, (dict, tuple, list)):
        raise ValueError(f"{who}: {prefix!r} does not match a single value of type {type(nest).__name__}")
    return [prefix] * len(leaves(nest))
