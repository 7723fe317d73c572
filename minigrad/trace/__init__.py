"""Program: the one record of what passed the door (calls, scopes, names), and how it is played again."""

from .program import Call, Program, Values, Variable
from .record import record
from .scopes import scope

__all__ = ["Call", "Program", "Values", "Variable", "record", "scope"]
