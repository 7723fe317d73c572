"""Program: the one record of what passed the door (calls, scopes, names), and how it is played again."""

from .behind import opened, program_behind
from .calls import Call, Variable
from .program import Program, Values
from .record import record, resumed
from .scopes import scope
from .statistics import Statistics, Thumbnail, statistics_of, thumbnail_of

__all__ = ["Call", "Program", "Statistics", "Thumbnail", "Values", "Variable", "opened", "program_behind", "record", "resumed",
           "scope", "statistics_of", "thumbnail_of"]  # fmt: skip
