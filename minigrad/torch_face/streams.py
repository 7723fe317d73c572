"""CUDA's streams and events under PyTorch's names, on CuPy's."""

from __future__ import annotations

from typing import Any

from . import devices
from .devices import runtime


class Stream:
    """A queue of work for the GPU: `with stream(s):` gives it what is called inside. Raises RuntimeError without a GPU."""

    def __init__(self, device: Any = None, priority: int = 0, *, queue: Any = None) -> None:
        self.queue = runtime().cuda.Stream(non_blocking=True, priority=priority) if queue is None else queue

    @property
    def cuda_stream(self) -> int:
        """The stream's address."""
        return self.queue.ptr

    def synchronize(self) -> None:
        """Wait until all its work is done."""
        self.queue.synchronize()

    def query(self) -> bool:
        """Whether all its work is done."""
        return self.queue.done

    def wait_event(self, event: Any) -> None:
        """Work given from now on waits for the event."""
        self.queue.wait_event(event.event)

    def wait_stream(self, stream: Stream) -> None:
        """Work given from now on waits for what the other stream has been given."""
        self.queue.wait_event(stream.queue.record())

    def record_event(self, event: Any = None) -> Any:
        """A moment in this stream's work."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.cuda_stream == other.cuda_stream

    def __hash__(self) -> int:
        return hash(self.cuda_stream)


class Event:
    """A moment in the GPU's work: `record()` it, and `first.elapsed_time(second)` is in milliseconds, once both are over.

    Raises RuntimeError without a GPU.
    """

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self.event = runtime().cuda.Event(block=blocking, disable_timing=not enable_timing)

    def record(self, stream: Stream | None = None) -> None:
        """This is the moment: when the work given to the stream so far is done."""
        self.event.record(None if stream is None else stream.queue)

    def wait(self, stream: Stream | None = None) -> None:
        """Work given to the stream from now on waits for the moment."""
        (current_stream() if stream is None else stream).wait_event(self)

    def synchronize(self) -> None:
        """Wait for the moment."""
        self.event.synchronize()

    def query(self) -> bool:
        """Whether the moment is over."""
        return self.event.done

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this moment to a later one."""
        return runtime().cuda.get_elapsed_time(self.event, end_event.event)


class StreamContext:
    """`with stream(s):` gives the stream what is called inside; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream.queue.__enter__()

    def __exit__(self, *error: object) -> None:
        if self.stream is not None:
            self.stream.queue.__exit__(*error)


def current_stream(device: Any = None) -> Stream:
    """The stream that gets the work now. Raises RuntimeError without a GPU."""
    return Stream(queue=runtime().cuda.get_current_stream())


def default_stream(device: Any = None) -> Stream:
    """The stream that gets the work unless told otherwise. Raises RuntimeError without a GPU."""
    return Stream(queue=runtime().cuda.Stream.null)


def memory_stats(device: Any = None) -> dict[str, int]:
    """Bytes of GPU memory in use and held by the pool, under PyTorch's names; empty without a GPU."""
    if not devices.is_available():
        return {}
    pool = runtime().get_default_memory_pool()
    used, held = pool.used_bytes(), pool.total_bytes()
    return {"allocated_bytes.all.current": used, "allocated_bytes.all.peak": held, "reserved_bytes.all.current": held,
            "reserved_bytes.all.peak": held}  # fmt: skip


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """`memory_stats` as text, a line each."""
    return "\n".join(f"{name:<32} {size:>16,}" for name, size in memory_stats(device).items())


STREAMS = {"Stream": Stream, "Event": Event, "StreamContext": StreamContext, "stream": StreamContext,
           "current_stream": current_stream, "default_stream": default_stream, "memory_stats": memory_stats,
           "memory_summary": memory_summary, "is_current_stream_capturing": lambda: False}  # fmt: skip
