"""What is timed. A module here holds functions decorated with `@workload`; WORKLOADS lists them all by name."""

from . import cnn, mlp, scalar, sequences, single
from .workload import WORKLOADS, Workload

__all__ = ["WORKLOADS", "Workload", "cnn", "mlp", "scalar", "sequences", "single"]
