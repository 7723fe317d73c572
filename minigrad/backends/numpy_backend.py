"""The NumPy backend: device "cpu"."""

from __future__ import annotations

import numpy as np

from .backend import Backend, register
from .device import Device
from .numpy_kernels import NUMPY_KERNELS
from .reference import REFERENCE

_SCALARS = [t for t in np.sctypeDict.values() if isinstance(t, type) and issubclass(t, np.generic)]


NUMPY = register(
    Backend(
        name="numpy",
        xp=np,
        device=Device("cpu"),
        array_type=np.ndarray,
        kernels=REFERENCE | NUMPY_KERNELS,
        to_host=np.asarray,
        from_host=np.asarray,
        owns=lambda array: array.base is None,
        shares=lambda view, array: np.may_share_memory(view, array) or not view.size,
    ),
    *_SCALARS,
)
