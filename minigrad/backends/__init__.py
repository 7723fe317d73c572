"""Arrays and kernels: NumPy, CuPy, any Array-API namespace. Knows no tensor."""

from .backend import BACKENDS, Backend, backend_for, backend_of, claim, dtype_of, is_array, register
from .cupy_backend import find_cupy
from .device import Device
from .dtypes import (
    DTYPES,
    DType,
    dtype,
    finfo,
    get_default_dtype,
    iinfo,
    number_type,
    promote_types,
    result_type,
    set_default_dtype,
)
from .errors import DeviceError, DivisionError, DTypeError, GradError, LinAlgError, ShapeError
from .namespace import array_api
from .numpy_backend import NUMPY
from .operators import Operators
from .providers import report, use
from .reference import ARRAY
from .size import Size
from .windows import Window, out_size

__all__ = ["ARRAY", "BACKENDS", "DTYPES", "NUMPY", "Backend", "DType", "DTypeError", "Device", "DeviceError", "DivisionError", "GradError", "LinAlgError",
           "ShapeError", "Size", "array_api", "backend_for", "backend_of", "claim", "dtype", "dtype_of", "find_cupy", "finfo",
           "get_default_dtype", "iinfo", "is_array", "number_type", "promote_types", "register", "report", "result_type",
           "set_default_dtype", "Window", "out_size", "use"]  # fmt: skip
