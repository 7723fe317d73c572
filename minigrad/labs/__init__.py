"""The frame of the labs: `main` runs one, `Run` is what it measures with, and `python -m minigrad lab` runs them all.

A lab is one file in examples/labs, `NN_name.py`. Its docstring says what is claimed, its function `measure(run)` measures it,
and the verdict follows from what it checked: no verdict is written by hand.
"""

from . import setups
from .lab import Run, main
from .pictures import band
from .report import VERDICTS, check_report, judged

__all__ = ["VERDICTS", "Run", "band", "check_report", "judged", "main", "setups"]
