"""The NumPy backend: device "cpu"."""

from __future__ import annotations

import numpy as np

from .backend import Backend, register
from .device import Device
from .memory import keep_freed
from .numpy_kernels import NUMPY_KERNELS
from .quiet import QUIET
from .reference import REFERENCE

_SCALARS = [t for t in np.sctypeDict.values() if isinstance(t, type) and issubclass(t, np.generic)]


NUMPY = register(
    Backend(
        name="numpy",
        xp=QUIET,
        device=Device("cpu"),
        array_type=np.ndarray,
        kernels=REFERENCE | NUMPY_KERNELS,
        to_host=np.asarray,
        from_host=np.asarray,
        owns=lambda array: type(array) is np.ndarray and array.base is None,  # a scalar could not be added to in place
        shares=lambda view, array: np.may_share_memory(view, array) or not view.size,
        as_array=lambda y: y.__array__(),  # faster than np.asarray
    ),
    *_SCALARS,
)

keep_freed()
