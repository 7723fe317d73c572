"""Providers of fast CPU kernels: which are found, which are in use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from . import numba_kernels
from .numpy_backend import NUMPY
from .numpy_kernels import NUMPY_KERNELS
from .onednn import ONEDNN, library, why
from .reference import REFERENCE
from .threads import blas_processor

VARIABLE = "MINIGRAD_KERNELS"
FEATURES: dict[str, bool] = getattr(sys.modules.get("numpy._core._multiarray_umath"), "__cpu_features__", {})  # the processor's


class Provider(NamedTuple):
    """Where kernels come from: what it is, its kernels over those of the providers before it, and what is missing."""

    name: str
    about: str
    kernels: Mapping[str, Callable]
    missing: Callable[[], str]  # why it can't serve, or an empty string
    version: Callable[[], str]


PROVIDERS = {
    p.name: p
    for p in (
        Provider("reference", "every kernel in the plain Array API", REFERENCE, lambda: "", lambda: ""),
        Provider("numpy", "NumPy's own calls", NUMPY_KERNELS, lambda: "", lambda: NUMPY.xp.__version__),
        Provider(
            "numba",
            f"loops compiled when first called, from {numba_kernels.ENOUGH} elements on",
            numba_kernels.NUMBA_KERNELS,
            numba_kernels.why,
            numba_kernels.version,
        ),
        Provider("onednn", "oneDNN through its C library, float32", ONEDNN, why, lambda: getattr(library(), "version", "")),
    )
}


def use(name: str = "auto", *, who: str = "backends.use") -> None:
    """Choose the CPU kernels: "reference", "numpy", "numba", "onednn" (each on top of those before it), or "auto" for all.

    Raises ValueError for an unknown name, RuntimeError that says what is missing for a provider that can't serve.
    """
    if name not in (*PROVIDERS, "auto"):
        raise ValueError(f"{who}: expected one of auto, {', '.join(PROVIDERS)}, got {name!r}")
    if name != "auto" and PROVIDERS[name].missing():
        raise RuntimeError(f"{who}: {name} can't serve: {PROVIDERS[name].missing()}")
    chosen: dict[str, Callable] = {}
    for provider in PROVIDERS.values():
        chosen |= provider.kernels
        if provider.name == name:
            break
    NUMPY.replace_kernels(chosen)


def report() -> str:
    """A table of the providers: found or not, version, the kernels each serves, why one is missing."""
    lines = []
    for p in PROVIDERS.values():
        missing = p.missing()
        state = f"missing: {missing}" if missing else " ".join(["found", p.version()]).strip()
        lines.append(f"{p.name:10} {state:14} {p.about}: {', '.join(sorted(p.kernels))}")
    return "\n".join(lines + halved())


def halved() -> list[str]:
    """A line where NumPy's OpenBLAS took kernels of half the width that the processor has, as on many of AMD's; else none."""
    if blas_processor() not in ("Haswell", "Zen") or not any(map(FEATURES.get, ("AVX512_SKX", "X86_V4"))):
        return []
    return [f"Hint: NumPy's products run on kernels for {blas_processor()} (AVX2), while this processor has AVX-512. Set "
            "OPENBLAS_CORETYPE=SkylakeX before Python starts: it can double their speed"]  # fmt: skip


use(os.environ.get(VARIABLE) or "auto", who=VARIABLE)
