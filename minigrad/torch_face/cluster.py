"""`torch.distributed` on one process: a group of one, whose sums and copies are the tensors themselves."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ..core import Tensor, mode

_group: list[str] = []  # the backend that the group was asked for with, while there is one


class ReduceOp:
    """How `all_reduce` would combine tensors of several processes."""

    SUM, AVG, PRODUCT, MIN, MAX = "sum", "avg", "product", "min", "max"


def init_process_group(
    backend: str | None = None, init_method: str | None = None, timeout: Any = None, world_size: int = -1, rank: int = -1,
    store: Any = None, group_name: str = "", pg_options: Any = None, device_id: Any = None,
) -> None:  # fmt: skip
    """Form the group of this process. Raises RuntimeError for a world of several processes."""
    size = world_size if world_size > 0 else int(os.environ.get("WORLD_SIZE", 1))
    if size != 1:
        raise RuntimeError(f"distributed.init_process_group: minigrad runs in one process, got world_size={size}. "
                           "Hint: run the script with world_size=1")  # fmt: skip
    if rank not in (-1, 0):
        raise ValueError(f"distributed.init_process_group: in a world of one the rank is 0, got {rank}")
    if _group:
        raise ValueError("trying to initialize the default process group twice!")
    _group.append(backend or "gloo")


def destroy_process_group(group: Any = None) -> None:
    """Dissolve the group."""
    _group.clear()


def is_initialized() -> bool:
    """Whether the group is formed."""
    return bool(_group)


def asked(value: Any) -> Callable:
    """A function that says `value` once the group is formed, and raises ValueError before."""

    def answer(group: Any = None) -> Any:
        if not _group:
            raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
        return value() if callable(value) else value

    return answer


get_rank, get_world_size, get_backend = asked(0), asked(1), asked(lambda: _group[0])


class Work:
    """What is done already."""

    def wait(self, timeout: Any = None) -> bool:
        """At once."""
        return True

    def is_completed(self) -> bool:
        """Always."""
        return True


def done(async_op: bool) -> Work | None:
    """What a collective returns. Raises ValueError before the group is formed."""
    get_rank()
    return Work() if async_op else None


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait for all processes: there is one."""
    return done(async_op)


def all_reduce(tensor: Tensor, op: str = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """The sum, mean or extreme over all processes: the tensor itself."""
    return done(async_op)


def reduce(tensor: Tensor, dst: int = 0, op: str = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """As `all_reduce`."""
    return done(async_op)


def broadcast(tensor: Tensor, src: int = 0, group: Any = None, async_op: bool = False) -> Work | None:
    """The tensor of process `src`: itself."""
    return done(async_op)


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """The tensors of all processes into a list of one."""
    with mode(grad=False):
        tensor_list[0].copy_(tensor)
    return done(async_op)


def all_gather_object(object_list: list, obj: Any, group: Any = None) -> None:
    """The objects of all processes into a list of one."""
    done(False)
    object_list[0] = obj


def broadcast_object_list(object_list: list, src: int = 0, group: Any = None, device: Any = None) -> None:
    """The objects of process `src`: themselves."""
    done(False)


class ProcessGroup:
    """Some of the processes, by type: `group.WORLD` is that of all of them."""


class Backend:
    """The names of the ways in which processes can speak to each other."""

    GLOO, NCCL, MPI, UCC, UNDEFINED = "gloo", "nccl", "mpi", "ucc", "undefined"


class group:
    """The groups that exist."""

    WORLD = ProcessGroup()


DISTRIBUTED: dict[str, Any] = {
    "ProcessGroup": ProcessGroup, "Backend": Backend, "group": group, "get_global_rank": lambda group, group_rank: group_rank,
    "is_available": lambda: True, "is_torchelastic_launched": lambda: False, "ReduceOp": ReduceOp,
    **{f"is_{name}_available": (lambda: False) for name in ("nccl", "mpi", "ucc")}, "is_gloo_available": lambda: True,
    **{f.__name__: f for f in (init_process_group, destroy_process_group, is_initialized, barrier, all_reduce, reduce,
                               broadcast, all_gather, all_gather_object, broadcast_object_list)},
    "get_rank": get_rank, "get_world_size": get_world_size, "get_backend": get_backend,
}  # fmt: skip
FUNCTIONAL = {"all_reduce": lambda tensor, op=ReduceOp.SUM, group=None: tensor,
              "broadcast": lambda tensor, src=0, group=None: tensor,
              "all_gather": lambda tensor, group=None: (tensor,)}  # fmt: skip  # with gradients
SCATTER = {"scatter": lambda inputs, target_gpus, dim=0: (inputs,), "gather": lambda outputs, target_device, dim=0: outputs[0]}
