"""PyTorch's profiler and its benchmark timer, as far as they measure time."""

from __future__ import annotations

import statistics
import sys
import time
import timeit
from collections.abc import Callable
from contextlib import ContextDecorator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from ..backends.source import advise

_running: list[profile] = []


@dataclass
class Average:
    """One name that was measured: how often it ran, and for how many microseconds in all."""

    key: str
    count: int
    cpu_time_total: float


class Averages(list[Average]):
    """What was measured, the slowest first."""

    def table(self, sort_by: str | None = None, row_limit: int = 100, **_: Any) -> str:
        """The names with their calls and times, in lines."""
        rows = [f"{each.key:<40}{each.count:>8}{each.cpu_time_total / 1e3:>14.3f}" for each in self[:row_limit]]
        return "\n".join([f"{'Name':<40}{'Calls':>8}{'Total ms':>14}", *rows])


class profile:
    """A block whose time is measured, as a whole and that of every `record_function` in it; further options do nothing."""

    def __init__(self, *_: Any, on_trace_ready: Callable | None = None, **__: Any) -> None:
        self.on_trace_ready, self.spans = on_trace_ready, {}  # type: ignore[var-annotated]

    def start(self) -> None:
        """Begin to measure."""
        advise("profiler: minigrad measures the time of the block and of each record_function in it, not that of each op. "
               "Hint: minigrad.record() keeps all ops of a step")  # fmt: skip
        _running.append(self)
        self.began = time.perf_counter()

    def stop(self) -> None:
        """Measure no more, and hand over to `on_trace_ready`."""
        _running.remove(self)
        self.add("total", time.perf_counter() - self.began)
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def add(self, name: str, seconds: float) -> None:
        """Count one run of what goes by this name."""
        count, total = self.spans.get(name, (0, 0.0))
        self.spans[name] = count + 1, total + seconds

    def step(self) -> None:
        """One step of training is over."""

    def key_averages(self, *_: Any, **__: Any) -> Averages:
        """What was measured, by name, the slowest first."""
        found = (Average(name, count, total * 1e6) for name, (count, total) in self.spans.items())
        return Averages(sorted(found, key=lambda each: -each.cpu_time_total))

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()


class record_function(ContextDecorator):
    """A block, or a function, that goes by a name in what `profile` measures."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_: Any) -> None:
        for each in _running:
            each.add(self.name, time.perf_counter() - self.began)


class ProfilerActivity(Enum):
    """What PyTorch's profiler can look at."""

    CPU = 0
    CUDA = 2


class Measurement(NamedTuple):
    """How long a statement took: the seconds of each block of `number_per_run` runs."""

    number_per_run: int
    raw_times: list[float]
    title: str

    @property
    def times(self) -> list[float]:
        """Seconds of one run, by block."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean seconds of one run."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """The median seconds of one run."""
        return statistics.median(self.times)

    def __repr__(self) -> str:
        return f"{self.title}\n  {self.median * 1e6:.2f} us\n  {len(self.raw_times)} blocks of {self.number_per_run} runs"


class Timer:
    """Measure a statement, as `timeit.Timer`; `torch` is among its names."""

    def __init__(
        self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable = timeit.default_timer,
        globals: dict | None = None, label: str | None = None, sub_label: str | None = None, description: str | None = None,
        env: str | None = None, num_threads: int = 1, language: Any = None,
    ) -> None:  # fmt: skip
        names = {"torch": sys.modules[__name__.partition(".")[0]], **(globals or {})}
        self.title = ": ".join(part for part in (label or stmt, sub_label, description) if part)
        self.timer = timeit.Timer(stmt, setup, timer, names)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One block of `number` runs, after a short warm-up."""
        self.timer.timeit(max(number // 100, 2))
        return Measurement(number, [self.timer.timeit(number)], self.title)

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Blocks of so many runs that a clock can measure them, for `min_run_time` seconds in all."""
        number, took = 1, self.timer.timeit(1)
        while took < min_run_time / 1000:
            number *= 10
            took = self.timer.timeit(number)
        found = [took]
        while sum(found) < min_run_time:
            found.append(self.timer.timeit(number))
        return Measurement(number, found, self.title)


PROFILER: dict[str, Any] = {"profile": profile, "record_function": record_function, "ProfilerActivity": ProfilerActivity,
                            "schedule": lambda **_: None, "tensorboard_trace_handler": lambda *_, **__: None}  # fmt: skip
BENCHMARK = {"Timer": Timer, "Measurement": Measurement}
