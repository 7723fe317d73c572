"""Program: the one record of what passed the door (calls, scopes, names), and how it is played again."""

from .behind import opened, program_behind
from .program import Call, Program, Values, Variable
from .record import record
from .scopes import scope

__all__ = ["Call", "Program", "Values", "Variable", "opened", "program_behind", "record", "scope"]
