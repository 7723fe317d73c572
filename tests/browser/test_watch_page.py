"""The page of `viz.watch` in Chromium: as a file with the network off, and from its server while a model trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from minigrad import nn, optim, viz

from .conftest import Visit

NAME = "\"><img src=x onerror=alert(1)>'\\"
OVERFLOW = """[...document.querySelectorAll('header, footer, #panel, #table')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.id)"""


def train(seen: Any, model: nn.Module, steps: int) -> None:
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x, y = mg.randn(16, 4), mg.randint(0, 3, (16,))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        seen.step(loss=loss)


def net() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    model.add_module(NAME, nn.Linear(8, 3))
    return model


def until(page: Any, script: str) -> None:
    """Wait for a script to be true; wait_for_function would need what the page's policy forbids."""
    for _ in range(150):
        if page.evaluate(script):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {script}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_scrubbing_with_the_keys(visit: Callable[..., Visit], tmp_path: Path, theme: str) -> None:
    model = net()
    with viz.watch(model, tmp_path / "watch.html", every=2, title=NAME) as seen:
        train(seen, model, 8)
    page = visit(tmp_path / "watch.html", theme=theme)

    def shown() -> str:
        page.page.wait_for_timeout(60)
        return page.ask("document.querySelector('#now b').textContent")

    assert shown() == "8"
    page.press("ArrowLeft")
    assert shown() == "6"
    page.press("Home")
    assert shown() == "1"
    page.press("ArrowLeft")
    assert shown() == "1"
    page.press("ArrowRight", times=2)
    assert shown() == "4"
    record = next(r for r in seen.records if r.step == 4)
    assert page.ask("document.querySelector('#row-0 .meter.gradient span').textContent") == page.ask(
        f"num({record.gradients['0']:.6g}, 3)"
    )
    page.press("ArrowDown", "ArrowDown")
    page.page.wait_for_timeout(60)
    assert page.ask("document.querySelector('#layer').textContent").startswith('"><img')
    assert page.ask("document.querySelectorAll('img').length") == 0
    assert page.ask("document.querySelectorAll('.ridge').length") == len(seen.records)
    assert page.ask("document.querySelectorAll('#norms .line').length") == 3
    page.press("End")
    assert shown() == "8"
    assert page.ask(OVERFLOW) == []
    before = page.ask("document.documentElement.dataset.theme")
    page.press("t")
    assert page.ask("document.documentElement.dataset.theme") != before == theme


def test_it_follows_a_training(browser: Any) -> None:
    model = net()
    with viz.watch(model, None, every=1, serve=True) as seen:
        page = browser.new_context().new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(seen.url)
        page.wait_for_selector("body[data-ready]")
        assert page.text_content("#now") == "no step yet"
        train(seen, model, 3)
        until(page, "document.querySelector('#now b')?.textContent === '3'")
        assert page.text_content("#status") == "live"
        page.keyboard.press("ArrowLeft")
        train(seen, model, 2)
        until(page, "RECORDS.length === 5")
        assert page.text_content("#now b") == "2"  # who looks back is left alone
        assert said == [] and all(url.startswith((seen.url, "data:")) for url in asked)
        page.context.close()
