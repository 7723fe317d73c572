"""Generators of random bits: seeded, copyable, the same numbers on every machine and in every process.

A generator's stream is "pcg64", minigrad's own, or "torch", the numbers that PyTorch draws for a seed
(`backends/torch_stream.py`).
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import numpy as np

from ..backends import Device
from ..backends.torch_stream import DEFAULT_SEED, TorchStream
from ..core import Tensor

STREAMS = ("pcg64", "torch")
VARIABLE = "MINIGRAD_STREAM"


def known(who: str, name: str) -> str:
    """The name of a stream. Raises ValueError for another."""
    if name not in STREAMS:
        raise ValueError(f"{who}: the stream must be one of {', '.join(map(repr, STREAMS))}, got {name!r}")
    return name


class Generator:
    """A stream of random numbers. `manual_seed(n)` starts it anew; `get_state`/`set_state` save and restore it.

    stream   "pcg64", or "torch" for the numbers PyTorch's CPU generator gives; by default that of the default generator

    Numbers are made on the CPU and then moved, so a stream is the same on every device; `device` is kept for PyTorch's sake.
    The states of stream "torch" are PyTorch's own. Raises ValueError for another stream.
    """

    def __init__(self, device: Any = "cpu", *, stream: str | None = None) -> None:
        self.device = Device(device)
        self.stream = known("Generator", stream or default_generator.stream)
        self.seeded = 0
        self.manual_seed(DEFAULT_SEED) if self.stream == "torch" else self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`. Raises TypeError or ValueError for anything but an integer."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed: expected an integer, got {type(seed).__name__} {seed!r}")
        n = seed.__index__()
        if not -(2**63) <= n < 2**64:
            raise ValueError(f"manual_seed: expected -2^63 <= seed < 2^64, got {n}")
        self.seeded = n % 2**64
        self.bits = TorchStream(self.seeded) if self.stream == "torch" else np.random.Generator(np.random.PCG64(self.seeded))
        return self

    def seed(self) -> int:
        """Start a stream from the system's entropy; returns its seed."""
        return self.manual_seed(secrets.randbits(63)).seeded

    def initial_seed(self) -> int:
        """The seed the stream was started with."""
        return self.seeded

    def get_state(self) -> Tensor:
        """The stream's place, as a uint8 tensor."""
        if isinstance(self.bits, TorchStream):
            return Tensor(np.frombuffer(self.bits.state(self.seeded), dtype=np.uint8).copy())
        state = self.bits.bit_generator.state
        words = [state["state"]["state"], state["state"]["inc"], self.seeded]
        small = [state["has_uint32"], state["uinteger"]]
        raw = b"".join(w.to_bytes(16, "little") for w in words) + b"".join(int(w).to_bytes(4, "little") for w in small)
        return Tensor(np.frombuffer(raw, dtype=np.uint8).copy())

    def set_state(self, state: Tensor) -> None:
        """Continue from a place that `get_state` gave. Raises ValueError for anything else, another stream's state included."""
        raw = state.backend.to_host(state.array).tobytes() if isinstance(state, Tensor) else b""
        if len(raw) != (TorchStream.SIZE if self.stream == "torch" else 56):
            raise ValueError(f"set_state: expected the uint8 tensor that get_state() returned, of stream {self.stream!r}")
        if isinstance(self.bits, TorchStream):
            self.seeded = self.bits.restore(raw)
            return
        words = [int.from_bytes(raw[16 * i : 16 * i + 16], "little") for i in range(3)]
        has, value = (int.from_bytes(raw[48 + 4 * i : 52 + 4 * i], "little") for i in range(2))
        self.seeded = words[2]
        self.bits.bit_generator.state = {
            "bit_generator": "PCG64", "state": {"state": words[0], "inc": words[1]}, "has_uint32": has, "uinteger": value,
        }  # fmt: skip


default_generator = Generator(stream=os.environ.get(VARIABLE) or "pcg64")
default_generator.seed()


def stream(name: str | None = None) -> str:
    """Which numbers the default generator draws: "pcg64" or "torch", PyTorch's own. Returns what it was.

    Given another name than it has, it starts that stream, with its seed. Raises ValueError for a name that is neither.
    """
    before = default_generator.stream
    if name is not None and known("stream", name) != before:
        default_generator.stream = name
        default_generator.manual_seed(default_generator.seeded)
    return before


def source_of(generator: Generator | None) -> Generator:
    """The generator to draw from: the default one for None. Raises TypeError for anything else, such as a seed."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"generator: generator must be a minigrad.Generator, got {type(generator).__name__} {generator!r:.60}. "
                        "Hint: minigrad.Generator().manual_seed(0)")  # fmt: skip
    return generator or default_generator


def torch_source(generator: Generator | None) -> Generator | None:
    """The generator to draw from if its stream is PyTorch's, else None."""
    source = source_of(generator)
    return source if source.stream == "torch" else None


def drawn_seed(generator: Generator | None = None) -> int:
    """A seed for another generator, drawn from this one."""
    bits = source_of(generator).bits
    return int(bits.whole(1, np.dtype("int64"))[0]) if isinstance(bits, TorchStream) else int(bits.integers(2**62))


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything random draws unless told otherwise."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the system's entropy; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The place of the default generator's stream, as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the default generator's stream from a place that `get_rng_state` gave."""
    default_generator.set_state(new_state)
