"""Any other Array-API namespace as a backend: the reference kernels, nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backend import Backend, register
from .device import Device
from .reference import REFERENCE


def array_api(xp: Any, name: str | None = None) -> Backend:
    """Enter an Array-API namespace as a device of its own: `array_api(array_api_strict)`, then `.to("array_api_strict")`.

    The namespace must let NumPy read its arrays (the buffer protocol, `__array__` or DLPack) and make them by `asarray`.
    """
    name = name or xp.__name__
    return register(
        Backend(
            name=name,
            xp=xp,
            device=Device(name),
            array_type=type(xp.empty(0)),
            kernels=REFERENCE,
            to_host=lambda array: np.asarray(array),
            from_host=lambda array: xp.asarray(np.array(array, order="C")),
        )
    )
