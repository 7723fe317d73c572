"""What scripts annotate with, switch or ask for without effect here: names of types, the compiler and other insides."""

from __future__ import annotations

import os
import typing
from contextlib import nullcontext
from numbers import Number
from pathlib import Path
from typing import IO, Any, Final

from ..backends import Device, DType, Size
from ..core import Tensor
from .devices import nothing
from .extras import itself


def no(*_: Any, **__: Any) -> bool:
    """What is asked for is not the case here."""
    return False


def get_device(input: Tensor) -> int:
    """The number of the GPU that a tensor is on; -1 for the CPU."""
    return -1 if input.device.type == "cpu" else input.device.index or 0


TYPES = {"Device": Device | str | int | None, "Number": Number | float, "FileLike": str | os.PathLike | IO[bytes],
         "Tensor": Tensor, "_TensorOrTensors": Tensor | tuple, "_dtype": DType, "_device": Device, "_size": Size | list | tuple,
         "_int": int, "_float": float, "_bool": bool, "_complex": complex, "_layout": str, "PathLike": os.PathLike,
         "Path": Path, "Any": Any}  # fmt: skip
COMPILER = {"disable": itself, "allow_in_graph": itself, "assume_constant_result": itself, "compile": itself,
            "is_compiling": no, "is_dynamo_compiling": no, "is_exporting": no, "reset": nothing,
            "cudagraph_mark_step_begin": nothing, "list_backends": lambda *_, **__: []}  # fmt: skip
DYNAMO = {"disable": itself, "optimize": lambda *_, **__: itself, "reset": nothing, "mark_dynamic": nothing, "is_compiling": no,
          "allow_in_graph": itself}  # fmt: skip
NVTX = {"range_push": nothing, "range_pop": nothing, "mark": nothing, "range": lambda *_, **__: nullcontext()}
OVERRIDES = {"is_tensor_like": lambda x: isinstance(x, Tensor), "has_torch_function": no, "has_torch_function_unary": no,
             "has_torch_function_variadic": no}  # fmt: skip
JIT = {"annotate": lambda the_type, the_value: the_value, "Attribute": lambda value, type: value, "freeze": itself,
       "optimize_for_inference": itself, "script_if_tracing": itself, "interface": itself, "isinstance": isinstance,
       "enable_onednn_fusion": nothing, "set_fusion_strategy": nothing, "Final": Final, "_overload": itself,
       "_overload_method": itself, "_script_if_tracing": itself}  # fmt: skip
ANNOTATIONS = {**{name: getattr(typing, name) for name in ("Any", "Dict", "List", "Optional", "Tuple", "Union")},
               **{f"BroadcastingList{n}": list for n in range(1, 7)}}  # fmt: skip
TORCH = {"get_device": get_device, "set_warn_always": nothing, "is_warn_always_enabled": no, "layout": str,
         "memory_format": str, "is_inference": lambda input: input.is_inference(), "has_openmp": True, "has_mkl": False,
         "has_lapack": True, "is_vulkan_available": no, "is_distributed": no}  # fmt: skip
FLAGS = ("is_meta is_mkldnn is_nested is_mtia is_xpu is_xla is_ipu is_vulkan").split()  # of tensors: never here
METHODS = {**{name: property(no) for name in FLAGS}, "name": property(nothing),
           "is_shared": no, "is_distributed": no, "record_stream": nothing, "const_data_ptr": lambda x: x.data_ptr(),
           "is_set_to": lambda x, tensor: x.data_ptr() == tensor.data_ptr() and x.shape == tensor.shape and
           x.stride() == tensor.stride()}  # fmt: skip
