"""Nested dicts, lists and plain values as JSON, with the tensors taken out and named by their path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..core import Tensor
from ..ops.sparse import SparseTensor, sparse_coo_tensor


def taken_apart(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON, its tensors put into `tensors`. Plain JSON values stand for themselves, all else is {tag:
    content}.

    Raises TypeError, with the path, for what is neither a tensor, a dict, a list, a tuple nor a plain value.
    """
    if isinstance(value, SparseTensor):
        parts = [taken_apart(x, joined(path, name), tensors) for name, x in (("indices", value.at), ("values", value.held))]
        return {"sparse": [*(part["tensor"] for part in parts), list(value.sizes), value.coalesced, value.layout]}
    if isinstance(value, Tensor):
        name, n = path, 1
        while name in tensors or name == "__metadata__":
            name, n = f"{path}#{n}", n + 1
        tensors[name] = value
        return {"tensor": name}
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Mapping):
        return {"dict": [[key_of(key, path), taken_apart(v, joined(path, key), tensors)] for key, v in value.items()]}
    if isinstance(value, (list, tuple)):
        items = [taken_apart(v, joined(path, i), tensors) for i, v in enumerate(value)]
        return {"list" if isinstance(value, list) else "tuple": items}
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        return taken_apart(value.item(), path, tensors)
    where = f"at {path!r}" if path else "at the top"
    raise TypeError(
        f"expected tensors, numbers, strings, None, dicts, lists or tuples, got {type(value).__name__} {where}. "
        "Hint: minigrad.tensor(...) for arrays, .state_dict() for modules and optimizers"
    )


def joined(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def key_of(key: Any, path: str) -> Any:
    """A dict's key, which must be a plain value."""
    if key is None or type(key) in (bool, int, str):
        return key
    raise TypeError(
        f"expected keys that are strings or integers, got {type(key).__name__} {key!r:.40} in {path or 'the top'!r}"
    )


def put_together(node: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `taken_apart`. Raises ValueError for JSON that it could not have made."""
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    if not isinstance(node, dict) or len(node) != 1:
        raise ValueError("corrupt structure: expected a plain value or one tag")
    tag, content = next(iter(node.items()))
    if tag not in BUILDERS:
        raise ValueError(f"corrupt structure: unknown tag {tag!r:.40}")
    try:
        return BUILDERS[tag](content, tensors)
    except (KeyError, TypeError) as error:
        raise ValueError(f"corrupt structure: {tag} can't be made of its content ({error!s:.60})") from None


def listed(content: Any, tensors: Mapping[str, Tensor]) -> list:
    if not isinstance(content, list):
        raise TypeError("not a list")
    return [put_together(item, tensors) for item in content]


def paired(content: Any, tensors: Mapping[str, Tensor]) -> dict:
    if not isinstance(content, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in content):
        raise TypeError("not a list of pairs")
    return {key: put_together(value, tensors) for key, value in content}


def sparse(content: Any, tensors: Mapping[str, Tensor]) -> SparseTensor:
    """A sparse tensor of its places and values, whose places are in order if it says so."""
    if not isinstance(content, list) or len(content) != 5:
        raise TypeError("not five parts")
    at, held, sizes, coalesced, layout = content
    if not isinstance(sizes, list) or any(type(n) is not int or n < 0 for n in sizes) or math.prod(sizes) >= 2**63:
        raise TypeError("no sizes")
    if type(coalesced) is not bool or layout not in ("sparse_coo", "sparse_csr") or (layout == "sparse_csr") > coalesced:
        raise TypeError("no layout")
    made = sparse_coo_tensor(tensors[at], tensors[held], sizes)
    rows = layout == "sparse_csr"
    places = made.at[0] if rows else made.flat()
    if coalesced and not ((places[1:] >= places[:-1]) if rows else (places[1:] > places[:-1])).all():
        raise TypeError("places that are not in order")
    return SparseTensor(made.at, made.held, made.sizes, coalesced, layout)


BUILDERS: dict[str, Callable[[Any, Mapping[str, Tensor]], Any]] = {
    "tensor": lambda name, tensors: tensors[name],
    "float": lambda text, tensors: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[text],
    "sparse": sparse,
    "dict": paired,
    "list": listed,
    "tuple": lambda content, tensors: tuple(listed(content, tensors)),
}
