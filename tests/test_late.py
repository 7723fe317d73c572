"""What is loaded when it is first asked for: it costs nothing before, and is whole after."""

from __future__ import annotations

import subprocess
import sys

import pytest

import minigrad
from minigrad.torch_face.places import LATE

UNLOADED = """
import sys
import minigrad
late = ("data", "diagnose", "distributions", "summaries", "teach", "train", "viz", "vision", "notebook_forms",
        "torch_face.processes")
print([name for name in late if "minigrad." + name in sys.modules])
print([name for name in ("tqdm", "http", "ssl", "multiprocessing", "logging", "matplotlib") if name in sys.modules])
print("DataLoader" in dir(minigrad.utils.data), "data" in vars(minigrad))
x = minigrad.ones(2, requires_grad=True)
print("mean 1" in x._repr_html_(), "minigrad.viz" in sys.modules)
"""


def test_nothing_late_is_loaded_by_the_import() -> None:
    done = subprocess.run([sys.executable, "-c", UNLOADED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]", "True True", "True True"]


@pytest.mark.parametrize("name", LATE)
def test_a_late_name_is_there(name: str) -> None:
    """As an attribute, in a list of the names, and by `from minigrad import name`."""
    assert name in dir(minigrad)
    names: dict = {}
    exec(f"from minigrad import {name}", names)
    assert names[name] is getattr(minigrad, name) is LATE[name].load()


def test_late_places_offer_their_names() -> None:
    names: dict = {}
    exec("from minigrad.utils.data import *\nfrom minigrad.multiprocessing import spawn, Process", names)
    assert names["DataLoader"] is minigrad.data.DataLoader and callable(names["spawn"])
    assert minigrad.torchvision.transforms.ToTensor is minigrad.data.transforms.ToTensor
    with pytest.raises(AttributeError, match=r"Nearest: minigrad\.utils\.data\.DataLoader"):
        _ = minigrad.utils.data.DataLoadr
    with pytest.raises(AttributeError, match=r"Nearest: minigrad\.summary"):
        _ = minigrad.sumary


def test_late_functions_are_guarded() -> None:
    with pytest.raises(TypeError, match="summary: "):
        minigrad.summary(3, None)
    with pytest.raises(TypeError, match="draw: "):
        minigrad.viz.draw(3)
    with pytest.raises(TypeError, match="random_split: "):
        minigrad.data.random_split(3, [1])
    with pytest.raises(TypeError, match="Independent: "):
        minigrad.distributions.Independent(3, 1)
