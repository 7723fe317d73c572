"""oneDNN's C library, found and opened through ctypes. Source: the oneDNN 3 API reference, include/oneapi/dnnl/dnnl.h."""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_char, c_float, c_int, c_int64, c_size_t, c_uint, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from ..threads import onednn_opened

VARIABLE = "MINIGRAD_ONEDNN"  # a path to libdnnl.so.3, or "off"
PACKAGE = "onednn-cpu-gomp"

# dnnl_types.h: element type, format, kinds of propagation, algorithms, flags, queries, arguments
F32, SAME_TYPE = 3, 0
TAG_ANY = 1
TRAINING, BACKWARD, BACKWARD_DATA = 64, 128, 160
CONV_DIRECT, POOL_MAX, POOL_AVERAGE, SOFTMAX, LOG_SOFTMAX = 1, 0x1FF, 0x2FF, 0x30000, 0x30001
ADD, MULTIPLY, DIVIDE, SUBTRACT, SQUARE_ROOT = 0x1FFF0, 0x1FFF1, 0x1FFF4, 0x1FFF5, 0x25
RELU, LINEAR, LOGISTIC, GELU_TANH, GELU_ERF, RELU_BY_OUTPUT = 0x20, 0x26, 0x29, 0x2B, 0x31, 0x100
USE_SCALE, USE_SHIFT, FUSE_RELU = 2, 4, 8
WEIGHTS_MD, DIFF_WEIGHTS_MD, WORKSPACE_MD = 131, 132, 135
SRC, DST, WEIGHTS, BIAS, MEAN, VARIANCE, SCALE, SHIFT, WORKSPACE = 1, 17, 33, 41, 49, 50, 51, 52, 64
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS, DIFF_SCALE, DIFF_SHIFT = 129, 145, 161, 255, 256
WEIGHTS_ITER, DIFF_WEIGHTS_ITER, DIFF_BIAS = 34, 162, 169  # beside SRC and DST, + 1 and + 2 are the states h and c
SCALES, AFTER_NEXT = 1 << 12, 2 << 15  # with an argument's own bits: its factor; the argument of the second of what comes after
LEFT_TO_RIGHT, RIGHT_TO_LEFT = 1, 2

KINDS = ("primitive_desc", "primitive_attr", "primitive", "post_ops", "memory_desc", "memory")  # of objects to be destroyed
STATUS = ("success", "out of memory", "invalid arguments", "not implemented", "last implementation reached", "runtime error",
          "not required")  # fmt: skip


HEAD = object.__basicsize__  # the address of its memory stands first in an array's C struct, behind what all objects have


class Unsupported(Exception):
    """oneDNN has no primitive for this shape, type or machine, or failed to run it; another provider's kernel serves."""


class Missing(OSError):
    """The library is not there, or switched off: nothing to warn of."""


@functools.cache
def library() -> Library | None:
    """The library, opened when first asked for; None where it is missing (`why()` says what is)."""
    try:
        found = Library()
        onednn_opened()
        return found
    except (OSError, AttributeError, Unsupported) as error:
        _problems.append(str(error))
        if not isinstance(error, Missing):
            warnings.warn(f"oneDNN can't serve, so NumPy's slower kernels do: {error}", stacklevel=2)
        return None


def why() -> str:
    """Why the library is not there, or an empty string."""
    library()
    return "; ".join(_problems)


_problems: list[str] = []


class Version(ctypes.Structure):
    _fields_ = [("major", c_int), ("minor", c_int), ("patch", c_int), ("hash", ctypes.c_char_p), ("cpu", c_uint),
                ("gpu", c_uint)]  # fmt: skip


class Argument(ctypes.Structure):
    """dnnl_exec_arg_t: which argument, and its memory object."""

    _fields_ = [("arg", c_int), ("memory", c_void_p)]


def candidates() -> Iterator[str]:
    """Where libdnnl may be: the environment variable, the pip package, the system; in this order."""
    if os.environ.get(VARIABLE):
        yield os.environ[VARIABLE]
    # The package puts the library into the `lib` folder of the environment, two above site-packages.
    places = dict.fromkeys([Path(sys.prefix, "lib"), *(Path(p).parents[1] for p in sys.path if p.endswith("site-packages"))])
    yield from (str(place / "libdnnl.so.3") for place in places if (place / "libdnnl.so.3").exists())
    system = importlib.import_module("ctypes.util").find_library("dnnl")  # slow: it runs programs that know
    if system:
        yield system


def open_library() -> tuple[Any, str]:
    """The opened library and its version. Raises OSError that says what is wrong with it, or what to install."""
    if os.environ.get(VARIABLE, "").lower() in ("off", "0", "none"):
        raise Missing(f"switched off by {VARIABLE}={os.environ[VARIABLE]}")
    tried = []
    for path in candidates():
        try:
            check_whole(path)
            lib = ctypes.CDLL(path)
            lib.dnnl_version.restype = POINTER(Version)
            version = lib.dnnl_version().contents
        except (OSError, AttributeError) as error:
            tried.append(f"{path}: {error}")
            continue
        if version.major != 3:
            tried.append(f"{path}: version {version.major}.{version.minor}, expected 3.x")
            continue
        if tried:
            warnings.warn(f"oneDNN: {'; '.join(tried)}; {path} serves instead", stacklevel=2)
        return lib, f"{version.major}.{version.minor}.{version.patch}"
    if tried:
        raise OSError("; ".join(tried))
    raise Missing(f"libdnnl.so.3 was not found. Hint: pip install {PACKAGE}, or set {VARIABLE} to its path")


def check_whole(path: str) -> None:
    """Raise OSError for a library that is cut short, as by a full disk: the process would die of opening it.

    An ELF file of 64 bits says in its header where its table of sections begins, and how large that is; it comes last.
    """
    if os.path.isfile(path):  # and no bare name, for which the loader looks in its own places
        with open(path, "rb") as file:
            head = file.read(64)
        if head[:6] == b"\x7fELF\2\1" and len(head) == 64:
            start, (size, count) = int.from_bytes(head[40:48], "little"), struct.unpack_from("<2H", head, 58)
            if os.path.getsize(path) < start + size * count:
                raise OSError(f"cut short: {os.path.getsize(path)} bytes, expected {start + size * count}")


class Handle(c_void_p):
    """What a `..._create` function made. It is destroyed with this object."""

    destroy: Any

    def __del__(self) -> None:
        self.destroy(self)


class Library:
    """The functions in use, with their argument types, one CPU engine and its stream."""

    def __init__(self) -> None:
        self.lib, self.version = open_library()
        p, i, n = c_void_p, c_int, c_int64
        dims = POINTER(n)
        out = POINTER(p)
        ends = [dims, dims, dims, dims, p]  # strides, dilations, padding at both ends, attributes
        prototypes: dict[str, list] = {
            "engine_create": [out, i, c_size_t],
            "stream_create": [out, p, c_uint],
            "memory_desc_create_with_strides": [out, i, dims, i, dims],
            "memory_desc_create_with_tag": [out, i, dims, i, i],
            "memory_create": [out, p, p, p],
            "memory_set_data_handle": [p, p],
            "primitive_create": [out, p],
            "primitive_execute": [p, p, i, POINTER(Argument)],
            "reorder_primitive_desc_create": [out, p, p, p, p, p],
            "convolution_forward_primitive_desc_create": [out, p, i, i, p, p, p, p, *ends],
            "convolution_backward_data_primitive_desc_create": [out, p, i, p, p, p, *ends[:-1], p, p],
            "convolution_backward_weights_primitive_desc_create": [out, p, i, p, p, p, p, *ends[:-1], p, p],
            "batch_normalization_forward_primitive_desc_create": [out, p, i, p, p, c_float, c_uint, p],
            "batch_normalization_backward_primitive_desc_create": [out, p, i, p, p, p, c_float, c_uint, p, p],
            "pooling_forward_primitive_desc_create": [out, p, i, i, p, p, dims, dims, dims, dims, dims, p],
            "pooling_backward_primitive_desc_create": [out, p, i, p, p, dims, dims, dims, dims, dims, p, p],
            "matmul_primitive_desc_create": [out, p, p, p, p, p, p],
            "inner_product_forward_primitive_desc_create": [out, p, i, p, p, p, p, p],
            "inner_product_backward_data_primitive_desc_create": [out, p, p, p, p, p, p],
            "inner_product_backward_weights_primitive_desc_create": [out, p, p, p, p, p, p, p],
            "layer_normalization_forward_primitive_desc_create": [out, p, i, p, p, p, c_float, c_uint, p],
            "layer_normalization_backward_primitive_desc_create": [out, p, i, p, p, p, p, c_float, c_uint, p, p],
            "softmax_forward_primitive_desc_create": [out, p, i, i, p, p, i, p],
            "softmax_backward_primitive_desc_create": [out, p, i, p, p, p, i, p, p],
            "binary_primitive_desc_create": [out, p, i, p, p, p, p],
            "primitive_attr_set_scales_mask": [p, i, i],
            "post_ops_append_sum": [p, c_float, c_int, i],
            "post_ops_append_binary": [p, i, p],
            "eltwise_forward_primitive_desc_create": [out, p, i, i, p, p, c_float, c_float, p],
            "eltwise_backward_primitive_desc_create": [out, p, i, p, p, p, c_float, c_float, p, p],
            "primitive_attr_create": [out],
            "post_ops_create": [out],
            "post_ops_append_eltwise": [p, i, c_float, c_float],
            "primitive_attr_set_post_ops": [p, p],
            "sgemm": [c_char, c_char, n, n, n, c_float, p, n, p, n, c_float, p, n],
            "lstm_forward_primitive_desc_create": [out, p, i, i, *[p] * 11, c_uint, p],
            "lstm_backward_primitive_desc_create": [out, p, i, i, *[p] * 22, c_uint, p, p],
        }
        for name, arguments in prototypes.items():
            function = getattr(self.lib, f"dnnl_{name}")
            function.argtypes, function.restype = arguments, c_int
        for name in KINDS:
            getattr(self.lib, f"dnnl_{name}_destroy").argtypes = [p]
        self.lib.dnnl_primitive_desc_query_md.argtypes, self.lib.dnnl_primitive_desc_query_md.restype = [p, i, i], p
        self.lib.dnnl_memory_desc_get_size.argtypes, self.lib.dnnl_memory_desc_get_size.restype = [p], c_size_t
        self.lib.dnnl_memory_desc_equal.argtypes, self.lib.dnnl_memory_desc_equal.restype = [p, p], c_int
        probe = np.zeros(1)
        if c_void_p.from_address(id(probe) + HEAD).value != probe.ctypes.data:
            raise Unsupported(f"arrays of NumPy {np.__version__} on this Python do not begin with their address")
        self.sgemm = self.lib.dnnl_sgemm
        self.engine = self.make("engine_create", 1, 0)
        self.stream = self.make("stream_create", self.engine, 1)

    def make(self, name: str, *arguments: Any) -> Any:
        """Call a `..._create` function and return the handle it makes. Raises Unsupported if it makes none."""
        made = c_void_p()
        status = getattr(self.lib, f"dnnl_{name}")(byref(made), *arguments)
        if status:
            raise Unsupported(f"oneDNN {name}: {STATUS[status] if status < len(STATUS) else status}")
        kind = next((kind for kind in KINDS if f"{kind}_create" in name), None)
        if kind is None:  # the engine and its stream outlive whatever is made for them
            return made
        handle = Handle(made.value)
        handle.destroy = getattr(self.lib, f"dnnl_{kind}_destroy")
        return handle

    def with_relu(self) -> Handle:
        """Attributes that let a primitive end in a ReLU."""
        return self.with_function(RELU, 0.0)

    def with_factor(self, factor: float) -> Handle:
        """Attributes that let a primitive end in a multiplication by a number."""
        return self.with_function(LINEAR, factor)

    def with_function(self, function: int, alpha: float) -> Handle:
        """Attributes that let a primitive end in a function of each element."""
        return self.ending(lambda after: self.lib.dnnl_post_ops_append_eltwise(after, function, alpha, 0.0))

    def adding(self, factor: float, kept: float) -> Handle:
        """Attributes that let a primitive add `factor` times its result to `kept` times what is there."""

        def append(after: Any) -> None:
            if factor != 1:
                self.lib.dnnl_post_ops_append_eltwise(after, LINEAR, factor, 0.0)
            self.lib.dnnl_post_ops_append_sum(after, kept, 0, SAME_TYPE)

        return self.ending(append)

    def root_plus(self, desc: Any) -> Handle:
        """Attributes that let a primitive end in a square root, and the addition of an argument, AFTER_NEXT | SRC + 1."""

        def append(after: Any) -> None:
            self.lib.dnnl_post_ops_append_eltwise(after, SQUARE_ROOT, 0.0, 0.0)
            self.lib.dnnl_post_ops_append_binary(after, ADD, desc)

        return self.ending(append)

    def ending(self, append: Callable) -> Handle:
        """Attributes with what `append` appends to the list of what comes after."""
        attributes, after = self.make("primitive_attr_create"), self.make("post_ops_create")
        append(after)
        self.lib.dnnl_primitive_attr_set_post_ops(attributes, after)
        return attributes

    def with_scales(self, *arguments: int, attributes: Any = None) -> Handle:
        """Attributes that let a primitive multiply some of its arguments by a number, given when it runs."""
        attributes = attributes or self.make("primitive_attr_create")
        for argument in arguments:
            self.lib.dnnl_primitive_attr_set_scales_mask(attributes, argument, 0)
        return attributes

    def dims(self, sizes: tuple) -> Any:
        """A tuple as dnnl_dims_t."""
        return (c_int64 * 12)(*sizes)

    def desc(self, sizes: tuple, strides: tuple) -> Any:
        """The memory descriptor of a float32 array with these strides, in elements."""
        return self.make("memory_desc_create_with_strides", len(sizes), self.dims(sizes), F32, self.dims(strides))

    def any(self, sizes: tuple) -> Any:
        """A descriptor that lets the primitive choose its layout."""
        return self.make("memory_desc_create_with_tag", len(sizes), self.dims(sizes), F32, TAG_ANY)

    def chosen(self, primitive_desc: Any, which: int, index: int = 0) -> Any:
        """The descriptor a primitive chose for one of its arguments, or the next of the same kind."""
        return c_void_p(self.lib.dnnl_primitive_desc_query_md(primitive_desc, which, index))

    def size(self, desc: Any) -> int:
        """The bytes a descriptor's memory takes."""
        return self.lib.dnnl_memory_desc_get_size(desc)
