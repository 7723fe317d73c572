"""The command line and the examples: they do their job, and say in one line what is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad import demo
from minigrad.__main__ import main

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
QUICK = {"mlp_digits": ["--epochs", "2"], "cnn_digits": ["--epochs", "1"], "draw_batchnorm": ["--format", "dot"],
         "two_moons": ["--steps", "20"], "explore_batchnorm": ["--batch", "3"],
         "gpt_characters": ["--steps", "20", "--width", "16", "--write", "5"], "watch_training": ["--epochs", "1"]}  # fmt: skip
WROTE = {"mlp_digits": {"model.safetensors", "graph.svg"}, "cnn_digits": {"model.safetensors", "filters.png"},
         "draw_batchnorm": {"closed.dot", "forward.dot", "opened.dot"}, "two_moons": {"moons.png"},
         "explore_batchnorm": {"batchnorm.html", "compared.html"}, "gpt_characters": {"model.safetensors", "written.txt"},
         "watch_training": {"watch.html", "curves.png", "gradients.png", "confusion.png"}}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one quick run of the demo leaves behind."""
    out = tmp_path_factory.mktemp("runs") / "deep" / "demo"
    assert main(["demo", "--quick", "--out", str(out)]) == 0
    return out


def test_the_demo_writes_what_it_says(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    assert {"summary.txt", "mlp.safetensors", "cnn.safetensors"} <= names
    assert "curves.png" in names or not have("matplotlib")
    for name in ("batchnorm", "batchnorm_opened"):
        if f"{name}.svg" in names:
            assert (made / f"{name}.svg").read_text().rstrip().endswith("</svg>")
        else:
            assert (made / f"{name}.dot").read_text().startswith("digraph")
    text = (made / "summary.txt").read_text()
    total = sum(p.numel() for p in demo.cnn().parameters())
    assert f"{total:,}" in text
    assert "(1, 64, 2, 2)" in text


def have(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def test_predict_draws_the_digit_and_names_it(made: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["predict", "--checkpoint", str(made / "cnn.safetensors"), "--index", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines[:8]] == [16] * 8
    label = minigrad.data.digits()[1][7][1].item()
    assert re.match(rf"held-out digit 7: a {label}, taken for a \d  \(\d: \d+\.\d%, ", lines[8])
    assert main(["predict", "--checkpoint", str(made / "mlp.safetensors")]) == 0
    assert capsys.readouterr().out.count("held-out digit") == 3


def test_predict_says_what_is_wrong(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    whole = (made / "cnn.safetensors").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    minigrad.save({"w": minigrad.ones(2)}, tmp_path / "other")
    state = minigrad.load(made / "mlp.safetensors")["state"]
    minigrad.save({"model": "cnn", "state": state}, tmp_path / "mixed")
    for path, message in [
        (tmp_path / "none", "there is no file"),
        (tmp_path / "none", "Hint: python -m minigrad demo makes one"),
        (tmp_path / "cut", "truncated: the entries need"),
        (tmp_path / "other", "is no checkpoint of the demo. Hint: python -m minigrad demo makes one"),
        (tmp_path / "mixed", "8.weight"),
    ]:
        assert main(["predict", "--checkpoint", str(path)]) == 1
        out, err = capsys.readouterr()
        assert (out, message in err) == ("", True), err
        assert err.startswith("minigrad: ")
        assert "Traceback" not in err
    assert main(["predict", "--checkpoint", str(made / "cnn.safetensors"), "--index", "450"]) == 1
    assert "index must be from 0 to 449, got 450" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["demo", "--epochs", "0"], ["demo", "--epochs", "x"], ["demo", "--seed", "-1"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m minigrad" in capsys.readouterr().err


def test_an_interrupt_is_no_crash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("minigrad.__main__.demo", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "minigrad: interrupted\n"


def test_without_matplotlib_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    line = demo.curves({}, tmp_path / "curves.png")
    assert line.endswith("curves.png: not drawn, matplotlib is missing. Hint: pip install matplotlib")
    assert not list(tmp_path.iterdir())


def test_the_learning_rate_goes_up_and_down() -> None:
    rates = [demo.rate(i / 10, 2.0) for i in range(11)]
    assert rates[0] == 0
    assert max(rates) == rates[2] == 2
    assert rates == sorted(rates[:3]) + sorted(rates[3:], reverse=True)
    assert rates[10] == 0


def test_the_same_seed_gives_the_same_bits(tmp_path: Path, made: Path) -> None:
    assert main(["demo", "--quick", "--out", str(tmp_path)]) == 0
    for name in ("mlp", "cnn"):
        assert (tmp_path / f"{name}.safetensors").read_bytes() == (made / f"{name}.safetensors").read_bytes()


def test_python_m_minigrad() -> None:
    done = subprocess.run([sys.executable, "-m", "minigrad", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "usage: python -m minigrad" in done.stdout
    assert "demo" in done.stdout
    assert "predict" in done.stdout
    told = subprocess.run([sys.executable, "-m", "minigrad", "--version"], capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout.strip()) == (0, f"minigrad {minigrad.__version__}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path, tmp_path: Path) -> None:
    shown = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0
    assert "--seed" in shown.stdout
    done = subprocess.run(
        [sys.executable, path, "--out", tmp_path / "out", *QUICK[path.stem]],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "wrote" in done.stdout
    assert {p.name for p in (tmp_path / "out").iterdir()} == WROTE[path.stem]


def test_the_gpt_takes_any_text_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    """Also one without the letters that it begins to write with by itself."""
    (tmp_path / "own.txt").write_text("".join(f"你好 мир {i}\n" for i in range(300)), "utf-8")
    (tmp_path / "short.txt").write_text("abc")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xff")

    def ran(*options: str) -> subprocess.CompletedProcess:
        words = [sys.executable, ROOT / "examples/gpt_characters.py", "--out", "out", "--steps", "2", "--write", "5", *options]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100)

    assert ran("--text", "own.txt").returncode == 0
    assert (tmp_path / "out" / "written.txt").read_text("utf-8").startswith("你")
    for options, message in (
        (("--text", "short.txt"), "held out: 1 characters, not more than --context 64"),
        (("--text", "bytes.txt"), "--text: 'utf-8' codec can't decode"),
        (("--text", "none.txt"), "--text: [Errno 2] No such file"),
        (("--heads", "3"), "--width must be a multiple of --heads, got 64 and 3"),
    ):
        done = ran(*options)
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["gallery", "reference", "labs.book"])
def test_small_commands_have_help_and_refuse_what_they_do_not_know(module: str, tmp_path: Path) -> None:
    def ran(*arguments: str) -> subprocess.CompletedProcess:
        root = str(Path(minigrad.__file__).parent.parent)
        words = [sys.executable, "-m", f"minigrad.{module}", *arguments]
        return subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True)

    asked = ran("--help")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert f"usage: python -m minigrad.{module} [-h]" in asked.stdout
    wrong = ran("a", "b", "c", "d")
    assert wrong.returncode == 2
    assert "unrecognized arguments" in wrong.stderr and "Traceback" not in wrong.stderr
    assert not list(tmp_path.iterdir()), "neither wrote anything"


def test_a_lab_that_could_not_be_saved_is_not_measured(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert main(["lab", "undo", "--quick", "--out", str(tmp_path / "file")]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "File exists" in err


def test_a_reader_that_leaves_is_no_error() -> None:
    root = str(Path(minigrad.__file__).parent.parent)
    words = [sys.executable, "-u", "-m", "minigrad", "lab"]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # type: ignore[union-attr]
        assert process.stderr.read() == ""  # type: ignore[union-attr]
    assert process.returncode == 1
