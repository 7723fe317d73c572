"""What is loaded when it is first asked for, so that `import minigrad` stays quick: pictures, data, experiments."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple


class Late(NamedTuple):
    """A module, or a name in it, that is loaded when it is first asked for."""

    module: str
    name: str = ""

    def load(self) -> Any:
        """The module or the name, imported now."""
        found = importlib.import_module(self.module)
        return getattr(found, self.name) if self.name else found
