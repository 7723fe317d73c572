"""How tensors, modules and programs show themselves in notebooks: `_repr_html_` and `_repr_svg_`, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .core import Tensor
from .late import Late
from .nn import Module
from .trace import Program


def shown(name: str) -> Callable[[Any], str | None]:
    """The function `name` of `notebook_forms.py` as a method; pictures are loaded when it is first called."""
    return lambda self: Late("minigrad.notebook_forms", name).load()(self)


for _kind, _name in ((Tensor, "tensor"), (Module, "module"), (Program, "program")):
    for _form in ("html", "svg"):
        setattr(_kind, f"_repr_{_form}_", shown(f"{_name}_{_form}"))
