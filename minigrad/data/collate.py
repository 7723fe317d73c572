"""How single cases become a batch."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import tensor
from ..ops.shape import stack


def default_collate(batch: Sequence) -> Any:
    """A list of cases as one batch: tensors, arrays and numbers are stacked along a new first dimension.

    Mappings, tuples, lists and named tuples are collated field by field, in a container of the kind of the first case's (a
    tuple's is a list). Strings stay: those of the batch a list, those of a field a tuple. Python floats become float64.
    Raises TypeError for anything else, ShapeError if cases have different sizes or numbers of fields.
    """
    first = batch[0]
    arrays = isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "biufc"
    if isinstance(first, Tensor) or arrays:
        shapes = {tuple(case.shape) if isinstance(case, Tensor) else np.shape(case) for case in batch}
        if len(shapes) > 1:
            raise ShapeError("default_collate: stack expects each tensor to be equal size, got "
                             f"{'arrays' if arrays else 'tensors'} of the shapes {', '.join(sorted(map(str, shapes)))}. "
                             "Hint: pass your own collate_fn")  # fmt: skip
        return tensor(np.stack(batch)) if arrays else stack(list(batch), 0)
    if isinstance(first, (int, float)):
        return tensor(batch, dtype="float64" if isinstance(first, float) else None)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return remade(first, {key: default_collate([case[key] for case in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(case) != len(first) for case in batch):
            raise ShapeError("default_collate: each element in list of batch should be of equal size, got sizes "
                             f"{sorted({len(case) for case in batch})}")  # fmt: skip
        fields = [default_collate(field) for field in zip(*batch, strict=True)]
        return type(first)(*fields) if hasattr(first, "_fields") else remade(first, fields)
    raise TypeError("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
                    f"{type(first).__name__}. Hint: pass your own collate_fn")  # fmt: skip


def default_convert(data: Any) -> Any:
    """One case, with its arrays as tensors: what a loader gives when it makes no batches."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "biufc":
        return tensor(data)
    if isinstance(data, Mapping):
        return remade(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return remade(data, [default_convert(x) for x in data])
    return data


def remade(container: Any, fields: Any) -> Any:
    """A container of the same kind with new fields, which are a dict or list: these themselves where none can be made."""
    try:
        if isinstance(container, tuple):
            return fields
        if not isinstance(container, (MutableMapping, MutableSequence)):
            return type(container)(fields)
        new: Any = copy(container)  # with what else it holds, such as the function of a defaultdict
        for key, value in fields.items() if isinstance(fields, dict) else enumerate(fields):
            new[key] = value
        return new
    except TypeError:
        return fields
