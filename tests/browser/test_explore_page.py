"""The explorer's page in Chromium, opened as a file with the network off."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.nn import functional as F
from minigrad.trace import record

from . import programs
from .conftest import Visit

pytestmark = pytest.mark.timeout(400)  # a browser on a busy machine is slow
Open = Callable[..., Visit]
CLOSED = "[...drawn.nodes.values()].filter(node => innerOf(node) !== null).map(node => node.key)"
LIT = "[...drawn.nodes].filter(([, node]) => node.element.classList.contains('lit')).map(([key]) => key)"
CELLS = """[...document.querySelectorAll('#panel .numbers-block .heat')].map(heat =>
    [...heat.querySelectorAll('.cell title')].map(title => title.textContent))"""
# Pairs of titles (of nodes and of boxes) whose boxes on the screen overlap, and texts that are wider than their node.
CLASHES = """(() => {
    const box = element => element?.getBoundingClientRect();
    const all = [...document.querySelectorAll('#nodes .node .title, #nodes .node .small, #heads text')]
        .map(text => ({ text: text.textContent, box: box(text), node: box(text.closest('.node')?.querySelector('.face')) }))
        .filter(({ box }) => box.width);
    const found = [];
    all.forEach(({ text, box, node }, k) => {
        const sides = node && [node.left - box.left, box.right - node.right, node.top - box.top, box.bottom - node.bottom];
        if (node && Math.max(...sides) > 1) found.push(`${text} leaves its node`);
        all.slice(k + 1).forEach(other => {
            const over = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
            const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
            if (over > 0.5 && down > 0.5) found.push(`${text} over ${other.text}`);
        });
    });
    return found;
})()"""
# What does not fit into what holds it: the panel, its formulas, the bars.
CLIPPED = """[...document.querySelectorAll('#panel, .formula, .sent, .numbers, header, footer, .tools')]
    .filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => e.id || e.className || e.tagName)"""
IN_STAGE = """[...drawn.nodes.values()].every(n => { const b = n.element.getBoundingClientRect(); const s =
    document.getElementById('stage').getBoundingClientRect(); return b.left >= s.left && b.right <= s.right
    && b.top >= s.top && b.bottom <= s.bottom; })"""


def opened_everywhere(seen: Visit, most: int = 60) -> int:
    """Open every module and composite op by the keyboard; how many there were."""
    for count in range(most):
        closed = seen.ask(CLOSED)
        if not closed:
            return count
        seen.ask(f"drawn.nodes.get({closed[0]!r}).element.focus()")
        seen.press("Enter")
    raise AssertionError("there is no end of it")


def shown_cells(seen: Visit) -> list[np.ndarray]:
    """The numbers of the heat maps in the panel, by their tool tips."""
    return [np.array([float(re.sub(r"^\[[^]]*\] ", "", cell).split(",")[0].replace("−", "-")) for cell in cells])
            for cells in seen.ask(CELLS)]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.mark.parametrize("name", ["norm", "perceptron", "digits", "residual", "transformer", "recurrent"])
def test_every_module_opens(name: str, folder: Path, visit: Open) -> None:
    program, _, _ = getattr(programs, name)()
    seen = visit(viz.explore(program, folder / f"{name}.html"), width=1920, height=1080)
    assert opened_everywhere(seen) >= (2 if name == "norm" else 5) - 1
    seen.settled()
    shown = seen.ask("[...drawn.nodes.values()].every(node => node.item !== undefined)")
    assert shown
    leaves = seen.ask("ITEMS.filter(item => item.inside === null).length")
    assert seen.ask("drawn.nodes.size") == leaves
    assert seen.ask(CLASHES) == []
    calls = seen.ask("ITEMS.filter(item => !isLeaf(item)).map(item => item.id)")
    for at in calls[:: max(1, len(calls) // 12)]:
        seen.ask(f"goToKey('i{at}')")
        assert seen.ask(CLIPPED) == [], at
    seen.press("c")
    seen.settled()
    assert seen.ask("drawn.nodes.size") < leaves


def test_it_opens_by_click_and_closes_by_escape(folder: Path, visit: Open) -> None:
    seen = visit(viz.explore(programs.norm()[0], folder / "click.html"))
    before = seen.ask("drawn.nodes.size")
    seen.page.click(".node.composite")
    seen.settled()
    assert seen.ask("drawn.nodes.size") > before
    assert "batch norm" in seen.page.inner_text("#crumbs")
    assert {"mean", "centre", "square", "variance", "sqrt", "divide"} <= set(
        seen.page.locator("#nodes .title").all_text_contents()
    )
    seen.page.locator("#nodes .node", has_text="sqrt").click()
    seen.press("Escape")
    seen.settled()
    assert seen.ask("drawn.nodes.size") == before


@pytest.mark.parametrize("inside", [False, True], ids=["closed", "opened"])
def test_stepping_to_the_end_and_back(inside: bool, folder: Path, visit: Open) -> None:
    program, _, _ = programs.norm()
    seen = visit(viz.explore(program, folder / "steps.html"))
    if inside:
        opened_everywhere(seen)
    count = seen.ask("time.steps.length")
    told = []
    for _ in range(count):
        seen.press("ArrowRight")
        told.append(
            seen.ask("[currentStep().phase, ITEMS[currentStep().item].op, currentStep().sends?.map(s => s.mark) ?? []]")
        )
        assert len(seen.ask(LIT)) == 1
    seen.press("ArrowRight")
    assert seen.ask("time.at") == count - 1
    forward = [op for phase, op, _ in told if phase == "forward"]
    backward = [op for phase, op, _ in told if phase == "backward"]
    if not inside:  # as the record has them
        assert forward == [
            c.op.name for c in program.calls if c.phase == "forward" and c.output not in program.gradients.values()
        ]
        made = {call.node: call.op.name for call in program.calls if call.node is not None}
        assert backward == [made[key] for key in program.gradients if isinstance(key, int)]
        assert all(marks == ["="] * len(marks) for _, _, marks in told)
    else:
        assert backward == [op for op in reversed(forward) if op in backward] or backward[0] == "mean"
        plus = [op for _, op, marks in told for mark in marks if mark == "+="]
        assert plus == ["square", "mean"]  # the second gradients of the centred values and of x
    assert [phase for phase, _, _ in told][-3:] == ["leaf"] * 3
    for _ in range(count):
        seen.press("ArrowLeft")
    assert seen.ask("time.at") == -1
    assert not seen.ask(LIT)


def test_a_step_says_rule_numbers_and_mark(folder: Path, visit: Open) -> None:
    program, _, x = programs.norm()
    seen = visit(viz.explore(program, folder / "says.html"))
    seen.page.click(".node.composite")
    at = seen.ask(
        "time.steps.findIndex(s => s.phase === 'backward' && ITEMS[s.item].op === 'mean' && s.sends[0].mark === '+=')"
    )
    for _ in range(at + 1):
        seen.press("ArrowRight")
    card = seen.page.locator(".step.backward")
    assert "+=" in card.inner_text()
    assert card.locator("math mfrac").count() >= 2  # with symbols, and with numbers
    assert seen.page.locator("#marks .mark text").all_text_contents() == ["+="]
    seen.press("End")
    seen.press("ArrowLeft", "ArrowLeft")
    assert seen.page.locator(".step.backward").inner_text().count("whole") == 1


def test_numbers_are_those_of_grad(folder: Path, visit: Open) -> None:
    program, layer, x = programs.norm()
    seen = visit(viz.explore(program, folder / "numbers.html"))
    for title, tensor in (("x", x), ("weight", layer.weight), ("bias", layer.bias)):
        seen.ask(f"goToKey('i' + ITEMS.findIndex(item => item.title === {title!r}))")
        value, gradient = shown_cells(seen)
        np.testing.assert_allclose(value, tensor.detach().numpy().reshape(-1), rtol=1e-6)
        np.testing.assert_allclose(gradient, tensor.grad.numpy().reshape(-1), rtol=1e-6)


def test_search_finds_and_opens(folder: Path, visit: Open) -> None:
    program, model, _ = programs.perceptron()
    seen = visit(viz.explore(program, folder / "search.html"))
    seen.press("/")
    seen.page.keyboard.type("4.weight")
    assert seen.page.locator("#found li").count() == 1
    seen.press("Enter")
    seen.settled()
    assert seen.page.inner_text("#panel h2") == "4.weight"
    assert seen.page.locator("#nodes .node.chosen .title").text_content() == "weight"
    _, gradient = shown_cells(seen)
    np.testing.assert_allclose(gradient, model[4].weight.grad.numpy(), rtol=1e-6)


def test_batch_norms_own_panel(folder: Path, visit: Open) -> None:
    program, _, x = programs.norm()
    seen = visit(viz.explore(program, folder / "own.html"))
    seen.page.click(".node.composite")
    seen.press("3")
    panel = seen.page.locator("#panel")
    ends = [float(line.get_attribute("y1")) for line in panel.locator(".path-total").all()]
    assert len(ends) == len(x)
    gradient = x.grad.numpy()[:, 0]
    assert list(np.argsort(ends)) == list(np.argsort(-gradient))  # higher on the page is a larger number
    titles = panel.locator(".paths title").all_text_contents()
    found = [(title.split(",")[0], title.split(": ")[1]) for title in titles]
    for k in range(len(x)):
        numbers = [float(text.replace("−", "-")) for name, text in found if name == f"element {k}"]
        assert sum(numbers[:3]) == pytest.approx(numbers[3], abs=1e-4)
        assert numbers[3] == pytest.approx(float(gradient[k]), rel=1e-3)
    place = "document.querySelector('.sliders .after').getBBox()"
    before = seen.ask(f"[{place}.x, {place}.width]")
    seen.page.locator("input[aria-label='β']").focus()
    seen.press("ArrowRight", times=4)
    seen.page.locator("input[aria-label='γ']").focus()
    seen.press("ArrowRight", times=10)
    after = seen.ask(f"[{place}.x, {place}.width]")
    assert after[1] > before[1]
    assert after != before
    size = seen.ask("NORMS[0].maps[0].rows.length")
    assert size == 8
    assert panel.locator(".map rect").count() == size * size
    seen.page.get_by_role("button", name="layer norm").click()
    pairs = "NORMS[0].maps[2].rows.flatMap((row, i) => row.map((x, j) => [i >> 1, j >> 1, x]))"
    blocks = seen.ask(f"{pairs}.filter(([a, b, x]) => a !== b && x !== 0)")
    assert blocks == []
    assert panel.locator(".cube").count() == 4
    panel.locator(".cube .cube-cell").first.click()
    assert panel.locator(".cube-cell.it").count() >= 1


def test_a_bias_before_batch_norm_is_numerically_zero(folder: Path, visit: Open) -> None:
    program, _, _ = programs.perceptron()
    seen = visit(viz.explore(program, folder / "zero.html"))
    seen.ask("goToKey('i' + ITEMS.findIndex(item => item.title === '0.bias'))")
    assert "numerically zero" in seen.page.inner_text("#panel")
    cells = seen.ask(CELLS)[1]
    assert len(cells) == 16
    assert all(cell.endswith(("numerically zero", " 0")) for cell in cells)
    assert seen.page.locator("#panel rect[fill='url(#hatch)']").count() >= 8
    seen.ask("goToKey('i' + ITEMS.findIndex(item => item.title === '6.bias'))")
    assert "numerically zero" not in seen.page.inner_text("#panel")


def test_two_programs(folder: Path, visit: Open) -> None:
    first, second = programs.perceptron()[0], programs.perceptron(normed=False)[0]
    seen = visit(viz.explore(first, folder / "two.html", compare=second, names=("with batch norm", "without")))
    both = seen.ask("drawn.nodes.size")
    seen.page.get_by_role("button", name="B: without").click()
    seen.settled()
    assert seen.ask("drawn.nodes.size") == both - 2
    seen.page.get_by_role("button", name="both").click()
    seen.ask("goToKey('i' + ITEMS.findIndex(item => item.op === 'relu'))")
    seen.press("2")
    assert {"Value in A", "Gradient in A", "Value in B", "Gradient in B"} <= set(
        seen.page.locator("#panel h3").all_inner_texts()
    )


def test_thousands_of_nodes(folder: Path, visit: Open) -> None:
    program, _, _ = programs.deep()
    seen = visit(viz.explore(program, folder / "deep.html"))
    assert "at most 400" in seen.page.inner_text("#panel")
    for _ in range(60):
        closed = seen.ask("[...drawn.nodes.values()].filter(node => node.group !== undefined).map(node => node.group)")
        if not closed:
            break
        seen.ask(f"openAndSay({closed[-1]})")
        assert seen.ask("drawn.nodes.size") <= 400
    assert "closed" in seen.page.inner_text("#toast")
    seen.press("End")
    assert seen.ask("time.at") == seen.ask("time.steps.length") - 1 > 9000


def test_complex_numbers_have_both_parts(folder: Path, visit: Open) -> None:
    z = mg.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    with record(z=z) as program:
        (z * z.conj()).real.sum().backward()
    seen = visit(viz.explore(program, folder / "complex.html"))
    assert "the conjugate of its .grad" in seen.page.text_content("#panel")
    key = seen.ask("`i${ITEMS.findIndex(item => item.title === 'z')}`")
    seen.ask(f"choose('{key}')")
    seen.press("2")
    said = seen.page.text_content("#panel")
    assert all(text in said for text in ("1 + 2i", "3 − 1i", "2 − 4i", "6 + 2i", "colours by |z|", "|z| mean"))
    assert seen.ask(CLIPPED) == []


def test_it_prints_light_and_whole(folder: Path, visit: Open) -> None:
    program, _, _ = programs.norm()
    seen = visit(viz.explore(program, folder / "print.html"), theme="dark")
    opened_everywhere(seen)
    seen.press("+", times=8)  # most of the graph is out of sight
    seen.ask("dispatchEvent(new Event('beforeprint'))")
    seen.page.emulate_media(media="print")
    seen.page.set_viewport_size({"width": 720, "height": 1000})
    seen.settled()
    assert seen.ask("document.documentElement.dataset.theme") == "light"
    assert not seen.page.is_visible(".tools")
    assert not seen.page.is_visible("footer")
    assert seen.ask(IN_STAGE)
    assert seen.ask("byId('panel').scrollHeight <= byId('panel').clientHeight + 1")
    seen.page.emulate_media(media="screen")
    seen.ask("dispatchEvent(new Event('afterprint'))")
    assert seen.ask("[document.documentElement.dataset.theme, byId('graph').hasAttribute('viewBox')]") == ["dark", False]


def test_hostile_names(folder: Path, visit: Open) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "y" * 10_000, "\u202eevil"):
                self._modules[name] = nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            for layer in self._modules.values():
                x = layer(x)
            return x

    x = mg.randn(3, 2)
    with record(**{"<b>&amp;": x}) as program:
        Odd()(x).sum().backward()
    seen = visit(viz.explore(program, folder / "odd.html", title="<i>title</i>"))
    opened_everywhere(seen)
    seen.settled()
    assert seen.page.inner_text("h1") == "<i>title</i>"
    assert seen.page.locator("img").count() == 0
    assert seen.ask(CLASHES) == []
    seen.press("ArrowRight", times=6)
    assert seen.ask(CLIPPED) == []


def test_numbers_that_are_none(folder: Path, visit: Open) -> None:
    w = mg.tensor([1.0, 0.0, -1.0]).requires_grad_()
    with np.errstate(all="ignore"), record(w=w) as program:
        y = (w / 0.0).log() + mg.zeros(0).sum()
        y.sum().backward()
    seen = visit(viz.explore(program, folder / "none.html"))
    while seen.ask("time.at < time.steps.length - 1"):
        seen.press("ArrowRight", "2", "1")
    seen.ask("goToKey('i' + ITEMS.findIndex(item => item.op === 'div'))")
    seen.press("2")
    assert "not finite" in seen.page.inner_text("#panel")
    assert seen.page.locator("#panel rect.odd").count() >= 3
    seen.ask("goToKey('i' + ITEMS.findIndex(item => VARIABLES[item.variable].shape[0] === 0))")
    assert "Empty" in seen.page.inner_text("#panel")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)], ids=["laptop", "projector"])
def test_nothing_is_clipped(theme: str, size: tuple[int, int], folder: Path, visit: Open) -> None:
    seen = visit(viz.explore(programs.norm()[0], folder / "look.html"), *size, theme)
    assert seen.ask("document.documentElement.dataset.theme") == theme
    seen.page.click(".node.composite")
    seen.settled()
    for tab in "123":
        seen.press(tab)
        assert seen.ask(CLIPPED) == []
    assert seen.ask(IN_STAGE)
    seen.press("t")
    assert seen.ask("document.documentElement.dataset.theme") != theme


@pytest.mark.parametrize("size", [(700, 900), (420, 760)], ids=["half a screen", "phone"])
def test_nothing_is_clipped_in_a_narrow_window(size: tuple[int, int], folder: Path, visit: Open) -> None:
    seen = visit(viz.explore(programs.norm()[0], folder / "narrow.html"), *size)
    seen.page.click(".node.composite")
    seen.settled()
    for tab in "123":
        seen.press(tab)
        assert seen.ask(CLIPPED) == []
    controls = "[...document.querySelectorAll('button, input, output')]"
    assert seen.ask(f"{controls}.filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.id)") == []
    seen.press("f")
    seen.settled()
    assert seen.ask(IN_STAGE)


def test_the_eval_mode_and_layer_norm_panels(folder: Path, visit: Open) -> None:
    layer = nn.BatchNorm1d(3).eval()
    x = mg.randn(6, 3).requires_grad_()
    with record(x=x) as program:
        F.layer_norm(layer(x), (3,)).square().sum().backward()
    seen = visit(viz.explore(program, folder / "eval.html"))
    for op, count in (("batch_norm_eval", 3), ("layer_norm", 3)):
        seen.ask(f"goToKey('i' + ITEMS.findIndex(item => item.op === {op!r}))")
        seen.press("3")
        assert seen.page.locator("#panel details").count() == count


def test_keys(folder: Path, visit: Open) -> None:
    seen = visit(viz.explore(programs.norm()[0], folder / "keys.html"))
    seen.press("?")
    assert seen.page.locator("#keys kbd").count() >= 15
    seen.press("Escape")
    assert not seen.ask("document.getElementById('keys').open")
    before = seen.ask("camera.k")
    seen.press("+")
    assert seen.ask("camera.k") > before
    seen.press("f")
    assert seen.ask("camera.k") == pytest.approx(before)
    seen.press("Shift+ArrowDown")
    seen.press("r")
    assert seen.ask("view.direction") == "LR"
    seen.press("Space")
    assert seen.ask("time.timer !== null")
    seen.press("Space")
    assert seen.ask("time.timer === null")
    seen.press("Tab", "Tab", "Tab", times=4)
    assert seen.ask("document.activeElement !== document.body")
