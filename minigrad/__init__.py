"""minigrad: an autograd engine from scratch, small enough to read, drawn and explained down to every number.

Tensors, ops and derivatives are here under PyTorch's names; layers in `minigrad.nn`, optimizers in `minigrad.optim`, data in
`minigrad.data`, pictures in `minigrad.viz`, records of whole steps by `minigrad.record()`.
"""

import math
from typing import TYPE_CHECKING

from . import amp, autograd, backends, func, io, nn, notebook, ops, optim
from .amp.casting import wrap_functions
from .autograd import (
    decompose,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .backends import Device as device
from .backends import DType as dtype
from .backends import (
    Size,
    dtypes,
    finfo,
    get_default_dtype,
    get_num_threads,
    iinfo,
    promote_types,
    set_default_dtype,
    set_num_threads,
)
from .func import vmap
from .guard import guard_all
from .io import load, save
from .ops import linalg
from .ops.functions import *
from .ops.out import *
from .ops.printing import set_printoptions
from .torch_face import Tensor, settle
from .trace import record

if TYPE_CHECKING:  # loaded when first asked for, see `late.py` and LATE in `torch_face/places.py`
    from . import data, diagnose, teach, train, viz
    from .diagnose import explain
    from .summaries import summary

float16, bfloat16, float32, float64 = dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64
uint8, int8, int16, int32, int64 = dtypes.uint8, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64
complex64, complex128, bool = dtypes.complex64, dtypes.complex128, dtypes.bool_
half, float, double, short, int, long, cfloat, cdouble = float16, float32, float64, int16, int32, int64, complex64, complex128
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
__version__ = "0.1.0"

settle(__name__)
wrap_functions(__name__)
guard_all(__name__)
