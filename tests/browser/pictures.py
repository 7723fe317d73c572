"""Pictures of the explorer's page on a laptop and on a projector, light and dark, for the docs.

Run it by: python -m tests.browser.pictures
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from minigrad import viz

from . import programs
from .conftest import CHROMIUM, FLAGS, Visit

LAPTOP, PROJECTOR = (1366, 768), (1920, 1080)
OPEN = "toggle(ITEMS.find(item => item.op === '{}').inside)"
GO = "goToKey('i' + ITEMS.findIndex(item => item.{}))"
MEAN = "goTo(time.steps.findIndex(s => s.phase === 'backward' && ITEMS[s.item].op === 'mean' && s.sends[0].mark === '+='))"
UPDATE = "goTo(time.steps.findIndex(s => s.phase === 'update' && ITEMS[s.item].title === 'conv2.weight'))"

# name: (program, size, theme, what to do: scripts, and keys by "press ...")
PICTURES: dict[str, tuple[str, tuple[int, int], str, list[str]]] = {
    "batchnorm_step": ("norm", LAPTOP, "light", [OPEN.format("batch_norm"), MEAN]),
    "batchnorm_step_dark": ("norm", PROJECTOR, "dark", [OPEN.format("batch_norm"), MEAN]),
    "batchnorm_paths": ("norm", LAPTOP, "dark", [OPEN.format("batch_norm"), "press 3"]),
    "batchnorm_paths_projector": ("norm", PROJECTOR, "light", [OPEN.format("batch_norm"), "press 3"]),
    "batchnorm_axes": ("norm", LAPTOP, "light", [GO.format("op === 'batch_norm'"), "press 3", "byId('panel').scrollTop = 1e5"]),
    "perceptron": ("perceptron", LAPTOP, "light", [GO.format("title === '0.bias'")]),
    "compared": ("compared", LAPTOP, "light", [GO.format("op === 'relu'"), "press 2"]),
    "digits": ("digits", PROJECTOR, "light", [GO.format("op === 'conv' || item.op === 'conv2d'"), "press 2"]),
    "digits_update": ("digits", LAPTOP, "dark", [UPDATE]),
    "residual": ("residual", PROJECTOR, "dark", [GO.format("op === 'batch_norm'"), "press 1"]),
    "transformer": ("transformer", PROJECTOR, "light", [GO.format("op === 'softmax'"), "press 2"]),
    "thousands": ("deep", LAPTOP, "light", []),
}


def page_of(name: str, folder: Path) -> Path:
    """The page of a program, written once."""
    path = folder / f"{name}.html"
    if path.exists():
        return path
    if name == "compared":
        first, second = (programs.perceptron(normed)[0] for normed in (True, False))
        return viz.explore(first, path, compare=second, names=("with batch norm", "without"), title="With and without")
    return viz.explore(getattr(programs, name)()[0], path, title=name.capitalize())


def taken(browser: Any, page: Path, out: Path, size: tuple[int, int], theme: str, acts: list[str]) -> None:
    """One picture."""
    view = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    seen = Visit(view)
    view.goto(page.as_uri())
    view.wait_for_selector("body[data-ready]")
    for act in acts:
        if act.startswith("press "):
            seen.press(*act.split()[1:])
        else:
            seen.ask(act)
        seen.settled()
    view.screenshot(path=out)
    view.close()


def main(folder: str = "docs/pictures/explorer", *only: str) -> None:
    """All pictures, or those named, into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as pages, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, (program, size, theme, acts) in PICTURES.items():
            if not only or name in only:
                out = Path(folder) / f"{name}.png"
                taken(browser, page_of(program, Path(pages)), out, size, theme, acts)
                print(out)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
