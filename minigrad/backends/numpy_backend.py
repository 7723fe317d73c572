"""The NumPy backend: device "cpu"."""

from __future__ import annotations

import warnings
from operator import methodcaller

import numpy as np

from .backend import Backend, register
from .device import Device
from .memory import keep_freed
from .numpy_kernels import NUMPY_KERNELS
from .reference import REFERENCE

# Overflow, 0/0 and their like give inf and NaN without a word, as IEEE 754 says and as PyTorch does; the anomaly mode finds
# them. The filter holds for NumPy calls made in this package only.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minigrad\.")

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
        owns=lambda array: type(array) is np.ndarray and array.base is None,  # a scalar could not be added to in place
        shares=lambda view, array: np.may_share_memory(view, array) or not view.size,
        as_array=methodcaller("__array__"),  # half the time of np.asarray
    ),
    *_SCALARS,
)

keep_freed()
