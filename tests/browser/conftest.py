"""Chromium, driven by Playwright, and the pages that the tests look at. Without either the tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--no-first-run", "--disable-default-apps", "--disable-sync", "--force-prefers-no-reduced-motion"]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The browser, one for a file's tests: while it is there an event loop runs, which other tests can't do with."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install minigrad[browser])")
    if not CHROMIUM:
        pytest.skip("no Chromium on the path (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Visit:
    """A page that was opened, with what it asked for and what it said."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))

    def press(self, *keys: str, times: int = 1) -> None:
        for _ in range(times):
            for key in keys:
                self.page.keyboard.press(key)

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)

    def settled(self) -> None:
        """Wait until nothing moves any more."""
        self.page.wait_for_timeout(650)


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Open a file; in the end, nothing but the file was asked for and the console is empty."""
    visits: list[Visit] = []

    def open_(path: Path, width: int = 1366, height: int = 768, theme: str = "light") -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, offline=True)
        seen = Visit(context.new_page())
        visits.append(seen)
        seen.page.goto(path.as_uri())
        seen.page.wait_for_selector("body[data-ready]", timeout=60_000)
        return seen

    yield open_
    for seen in visits:
        assert seen.said == []
        assert [url for url in seen.requests if not url.startswith("data:")] == [seen.page.url.partition("#")[0]]
        seen.page.context.close()
