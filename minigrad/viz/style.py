"""Colours and type. The palette is Okabe and Ito's, toned down; red and black differ in lightness too, not just hue."""

from __future__ import annotations

from typing import NamedTuple

FONT = "DejaVu Sans,Verdana,sans-serif"


class Style(NamedTuple):
    """Colours of one picture; `fill` and `edge` go by the kind of item."""

    paper: str
    ink: str
    faint: str
    box: str
    box_edge: str
    forward: str
    backward: str
    backward_paper: str
    fill: dict[str, str]
    edge: dict[str, str]


LIGHT = Style(
    paper="#ffffff",
    ink="#1b2530",
    faint="#66727f",
    box="#f6f8fa",
    box_edge="#c5ced8",
    forward="#1b2530",
    backward="#c9210f",
    backward_paper="#ffffff",
    fill={"op": "#ffffff", "composite": "#e6f0fa", "module": "#e6f0fa", "update": "#f3f3f3",
          "parameter": "#fdf0d5", "input": "#ddf3ea", "constant": "#f0f2f4", "output": "#f7e6f0", "rest": "#ffffff"},
    edge={"op": "#5f7388", "composite": "#0072b2", "module": "#0072b2", "update": "#8a949e",
          "parameter": "#d28b00", "input": "#009e73", "constant": "#9aa5b1", "output": "#b65c94", "rest": "#9aa5b1"},
)  # fmt: skip

DARK = Style(
    paper="#12171d",
    ink="#e8edf2",
    faint="#9aa7b4",
    box="#1a2129",
    box_edge="#3a4754",
    forward="#e8edf2",
    backward="#ff6b57",
    backward_paper="#12171d",
    fill={"op": "#1e2730", "composite": "#14304a", "module": "#14304a", "update": "#232a31",
          "parameter": "#3a2d10", "input": "#0f3328", "constant": "#262d35", "output": "#3b2233", "rest": "#12171d"},
    edge={"op": "#7f93a8", "composite": "#56b4e9", "module": "#56b4e9", "update": "#7a8590",
          "parameter": "#e69f00", "input": "#2bc79a", "constant": "#7a8794", "output": "#d98cb9", "rest": "#7a8794"},
)  # fmt: skip
