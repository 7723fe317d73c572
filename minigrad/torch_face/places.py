"""Where PyTorch's names are: one table of modules, put in their places when minigrad is imported."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from types import ModuleType
from typing import Any

from .. import core, func, nn, ops, optim
from ..autograd import anomaly, checkpoint, modes
from ..backends import OutOfMemoryError
from ..late import Late
from ..nn import averaging, conv, hooks, lazy, loss, norm, parallel, state, transformer
from ..ops import fourier, functions, out, random, results, sparse, special_names, tapers
from ..optim.lr_scheduler import cycles
from . import (
    accepted,
    cluster,
    devices,
    extras,
    factors,
    foreach,
    hub,
    insides,
    memory,
    methods,
    older,
    pieces,
    spectra,
    streams,
    switches,
    testing,
    timing,
    typed,
)
from .missing import answer


def tuples(n: int) -> Any:
    """`_single`, `_pair`, `_triple`: a number as a tuple of n; a tuple as it is."""
    return lambda x: tuple(x) if isinstance(x, (tuple, list)) else (x,) * n


def names(module: ModuleType) -> dict[str, Any]:
    """What a module offers, to be offered under PyTorch's name as well."""
    return {name: value for name, value in vars(module).items() if name in getattr(module, "__all__", ()) or name[0] != "_"}


PAIRS = {"_single": tuples(1), "_pair": tuples(2), "_triple": tuples(3), "_quadruple": tuples(4), "_ntuple": tuples,
         "consume_prefix_in_state_dict_if_present": state.consume_prefix_in_state_dict_if_present}  # fmt: skip
PARTS = """module container linear conv batchnorm instancenorm normalization pooling loss activation dropout sparse rnn
    padding upsampling flatten fold distance channelshuffle pixelshuffle adaptive lazy"""
TRANSFORMER = {"_get_clones": transformer.copies, "_get_activation_fn": transformer.activation_of}
BASES = {"_BatchNorm": norm.BatchNorm, "_NormBase": norm.Running, "_InstanceNorm": norm.InstanceNorm,
         "_ConvNd": conv.Convolution, "_ConvTransposeNd": conv.TransposedConvolution, "_Loss": loss.Loss,
         "_WeightedLoss": loss.WeightedLoss}  # fmt: skip
LAYERS = {**names(nn), **BASES}
DATA, TRANSFORMS = Late("minigrad.data"), Late("minigrad.data.transforms")
VISION = """boxes ciou_loss deform_conv diou_loss drop_block focal_loss giou_loss misc roi_align roi_pool
    stochastic_depth""".split()  # the modules of torchvision.ops
COLLECTIONS, GRID = Late("minigrad.data.vision"), Late("minigrad.data.grid")
LATE = {**{name: Late(f"minigrad.{name}") for name in ("data", "diagnose", "distributions", "teach", "train", "vision", "viz")},
        "explain": Late("minigrad.diagnose", "explain"), "summary": Late("minigrad.summaries", "summary")}  # fmt: skip
CHECKPOINT = {
    name: getattr(checkpoint, name)
    for name in (
        "CheckpointError",
        "checkpoint",
        "checkpoint_sequential",
        "set_checkpoint_debug_enabled",
        "set_checkpoint_early_stop",
    )
}
GRAD_MODE = {name: getattr(modes, name) for name in ("enable_grad", "inference_mode", "no_grad", "set_grad_enabled")}
ANOMALY = {name: getattr(anomaly, name) for name in ("detect_anomaly", "set_detect_anomaly")}
WRITER = {"SummaryWriter": extras.SummaryWriter}
WRITTEN = factors.FACTORS | {f.__name__: f for f in (extras.frexp, extras.histogram, extras.nextafter)}
TRANSFORMED = {name: f for name, f in fourier.FFT.items() if "shift" not in name}


def written(functions: dict[str, Any], place: str) -> dict[str, Any]:
    """Functions of a place, with `out`."""
    return {name: out.writing(name, f, f"minigrad{place}") for name, f in functions.items()}


# What stands at each place, beside what is there already; a `Late` place has the names of that module's `__all__`.
PLACES: dict[str, dict[str, Any] | Late] = {
    "": {**typed.typed("cpu"), **switches.TORCH, **extras.TORCH, "stft": spectra.stft, "istft": spectra.istft,
         **pieces.FUNCTIONS, **memory.TORCH, **written(WRITTEN, ""), **sparse.NEW, "resize_as_": methods.resize_as_,
         **devices.AUTOCAST, **accepted.TORCH,
         **foreach.FOREACH, **insides.CHECKS, "Future": insides.FUTURES["Future"],
         "Stream": streams.Stream, "Event": streams.Event,
         "OutOfMemoryError": OutOfMemoryError, "default_generator": random.default_generator,
         "get_rng_state": random.get_rng_state, "concatenate": functions.cat, "is_anomaly_enabled": anomaly.is_anomaly_enabled,
         "is_anomaly_check_nan_enabled": anomaly.is_anomaly_check_nan_enabled, **LATE},
    "random": {**{n: getattr(random, n) for n in ("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state",
                                                  "default_generator", "stream")}, "fork_rng": extras.fork_rng},
    "utils": {"swap_tensors": extras.swap_tensors}, "__future__": switches.FUTURE,
    "utils.data": DATA, "utils.data.dataset": DATA, "utils.data.dataloader": DATA, "utils.data.sampler": DATA,
    "utils.data.distributed": DATA, "utils.data._utils": {}, "utils.data._utils.collate": DATA,
    "utils.checkpoint": CHECKPOINT | insides.DEVICE_STATES, "utils._pytree": extras.PYTREE, "utils.hooks": insides.HOOKS,
    "_C": {"_log_api_usage_once": devices.nothing}, "futures": insides.FUTURES, "__config__": insides.CONFIG,
    "utils._foreach_utils": insides.FOREACH_UTILS, "serialization": insides.SERIALIZATION,
    "functional": {**names(functions), "stft": spectra.stft, "istft": spectra.istft},
    "utils.tensorboard": WRITER, "utils.tensorboard.writer": WRITER,
    "autograd": {}, "autograd.variable": {}, "autograd.function": {}, "autograd.grad_mode": GRAD_MODE,
    "autograd.anomaly_mode": ANOMALY, "linalg": names(ops.linalg) | out.LINALG,
    "special": special_names.SPECIAL, "return_types": results.RETURN_TYPES, "fft": fourier.FFT | written(TRANSFORMED, ".fft"),
    "sparse": {**sparse.SPARSE, **typed.typed_sparse()}, "cuda.sparse": typed.typed_sparse("cuda"),
    "utils.dlpack": memory.DLPACK, "storage": memory.STORAGE,
    "signal": {}, "signal.windows": tapers.WINDOWS,
    "nn": {"DataParallel": parallel.DataParallel, "NLLLoss2d": nn.NLLLoss}, "nn.functional": older.FUNCTIONS,
    "nn.init": older.INITS, "nn.attention": switches.ATTENTION, "nn.utils": older.UTILS, "nn.parallel": {},
    "nn.parallel.distributed": names(parallel), "nn.parallel.data_parallel": names(parallel),
    "nn.parallel.scatter_gather": cluster.SCATTER, "nn.modules": LAYERS, "nn.modules.utils": PAIRS,
    **{f"nn.modules.{part}": LAYERS | (hooks.GLOBAL if part == "module" else {}) for part in PARTS.split()},
    "nn.modules.transformer": LAYERS | TRANSFORMER, "nn.utils.stateless": {"functional_call": func.functional_call},
    "profiler": timing.PROFILER, "autograd.profiler": timing.PROFILER, "utils.benchmark": timing.BENCHMARK,
    "optim": {}, "optim.optimizer": {"required": object(), **insides.OPTIMIZER}, "optim.adamw": {"AdamW": optim.AdamW},
    "optim.swa_utils": {**averaging.SWA, "SWALR": cycles.SWALR},
    "cuda": devices.CUDA | streams.STREAMS, "cuda.streams": streams.STREAMS, "cuda.nvtx": accepted.NVTX,
    "cuda.amp": devices.CUDA_AMP, "cuda.random": devices.SEEDING, "amp": devices.AMP, "cpu": devices.CPU,
    "cpu.amp": devices.CPU_AMP, "amp.autocast_mode": devices.AMP, "amp.grad_scaler": devices.AMP,
    "cuda.amp.autocast_mode": devices.CUDA_AMP, "cuda.amp.grad_scaler": devices.CUDA_AMP,
    "mps": {**devices.SEEDING, **devices.ABSENT}, "xpu": {**devices.SEEDING, **devices.ABSENT},
    "accelerator": devices.ACCELERATOR, "version": {"cuda": None, "hip": None},
    **{f"backends.{name}": switch for name, switch in switches.BACKENDS.items()},  # type: ignore[misc]
    "jit": {**extras.JIT, **accepted.JIT, **insides.SCRIPTED}, "types": accepted.TYPES, "compiler": accepted.COMPILER,
    "jit.annotations": accepted.ANNOTATIONS, "_dynamo": accepted.DYNAMO, "_dynamo.config": {},
    "_inductor": {}, "_inductor.config": {}, "overrides": accepted.OVERRIDES,
    "hub": hub.HUB, "utils.model_zoo": hub.MODEL_ZOO, "onnx": extras.ONNX, "fx": insides.FX,
    "distributed": cluster.DISTRIBUTED, "distributed.nn": cluster.FUNCTIONAL, "distributed.rpc": extras.RPC,
    "distributed.fsdp": extras.FSDP,
    "multiprocessing": Late("minigrad.torch_face.processes"), "testing": testing.TESTING | older.TESTING,
    "nn.parameter": {name: getattr(lazy, name) for name in ("UninitializedBuffer", "UninitializedParameter",
                                                            "UninitializedTensorMixin", "is_lazy")},
    "torchvision": {"__version__": "0.0.0+minigrad"}, "torchvision.datasets": COLLECTIONS,
    "torchvision.datasets.mnist": COLLECTIONS, "torchvision.datasets.cifar": COLLECTIONS,
    "torchvision.datasets.folder": Late("minigrad.data.folder"),
    "torchvision.transforms": TRANSFORMS, "torchvision.transforms.transforms": TRANSFORMS,
    "torchvision.transforms.functional": Late("minigrad.data.functional"),
    "torchvision.utils": GRID,
    **{f"torchvision.ops{part}": Late("minigrad.vision") for part in ("", *map(".{}".format, VISION))},
}  # fmt: skip
HOMES = {"torch": "minigrad", "torchvision": "minigrad.torchvision"}  # where a script's packages are here


def home(name: str) -> str | None:
    """Where `torch.x.y` or `torchvision.x.y` is here; None for other packages."""
    root, dot, rest = name.partition(".")
    return HOMES[root] + dot + rest if root in HOMES else None


def settle(top: str) -> None:
    """Put everything in its place under the package `top`, and let each module say what it does not have."""
    for place, content in PLACES.items():
        module = at(f"{top}.{place}".rstrip("."))
        module.__class__ = switches.KINDS.get(place, type(module))
        here, late = module.__dict__, content
        if not isinstance(content, Late):
            late = {key: value for key, value in content.items() if isinstance(value, Late)}
            for key, value in content.items():
                if key not in late:
                    here.setdefault(key, value)
        here.setdefault("__getattr__", answer(module.__name__, here, late))
        if late:
            here["__dir__"] = partial(listed, here, late)
    for name, method in (accepted.METHODS | methods.METHODS | older.METHODS).items():
        setattr(core.Tensor, name, method)
    for name, method in insides.OPTIMIZER_METHODS.items():
        setattr(optim.Optimizer, name, method)


def listed(here: dict[str, Any], late: Late | dict[str, Late]) -> list[str]:
    """The names of a module, with those that are not loaded yet."""
    return sorted({*here, *(late.load().__all__ if isinstance(late, Late) else late)})


def at(name: str) -> ModuleType:
    """The module of a dotted name; one without names of its own is made where there is none."""
    if name not in sys.modules:
        parent, _, last = name.rpartition(".")
        files = at(parent).__dict__.setdefault("__path__", [])  # it holds modules, so it is a package
        if files and importlib.util.find_spec(name) is not None:
            return importlib.import_module(name)
        module = sys.modules[name] = ModuleType(name, f"PyTorch's `{name.partition('.')[2]}`: see `minigrad.torch_face`.")
        setattr(at(parent), last, module)
    return sys.modules[name]
