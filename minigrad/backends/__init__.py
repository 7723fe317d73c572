"""Arrays and kernels: NumPy, CuPy, any Array-API namespace. Knows no tensor."""

from .backend import BACKENDS, Backend, backend_for, backend_of, claim, dtype_of, is_array, register
from .cupy_backend import find_cupy
from .device import DEFAULT, Device
from .dtypes import (
    DTYPES,
    DType,
    dtype,
    finfo,
    get_default_dtype,
    iinfo,
    is_complex,
    number_type,
    promote_types,
    result_type,
    set_default_dtype,
)
from .errors import (
    DeviceError,
    DivisionError,
    DownloadError,
    DTypeError,
    GradError,
    LinAlgError,
    OutOfMemoryError,
    ShapeError,
    out_of_memory,
)
from .namespace import array_api
from .numpy_backend import NUMPY
from .numpy_kernels import WHEN_BFLOAT16
from .operators import Operators
from .providers import report, use
from .reference import ARRAY
from .scattered import SUMS, Rows, Scattered, joined, whole
from .size import Size
from .source import advise, user_line
from .special import in_single
from .threads import get_num_threads, set_num_threads
from .windows import Window, out_size

__all__ = [
    "advise", "ARRAY", "array_api", "Backend", "backend_for", "backend_of", "BACKENDS", "claim", "DEFAULT", "Device",
    "DeviceError", "DivisionError", "DownloadError", "DType", "dtype", "dtype_of", "DTypeError", "DTYPES", "find_cupy", "finfo",
    "get_default_dtype", "get_num_threads", "GradError", "iinfo", "in_single", "is_array", "is_complex", "joined",
    "LinAlgError", "number_type", "NUMPY", "out_of_memory", "out_size", "OutOfMemoryError", "promote_types", "register",
    "report", "result_type", "Rows", "set_default_dtype", "set_num_threads", "Scattered", "ShapeError", "Size", "SUMS", "use",
    "user_line", "WHEN_BFLOAT16", "whole", "Window",
]  # fmt: skip
