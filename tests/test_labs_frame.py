"""The frame of the labs: options, verdicts, reports, interrupted sweeps, the page, the command line, data that is missing."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from minigrad import manual_seed, zeros
from minigrad.__main__ import main
from minigrad.diagnose.measure import column, spread, sweep
from minigrad.labs import Run, check_report, judged, runner, setups
from minigrad.labs.images import images
from minigrad.labs.page import page, read
from minigrad.labs.report import SECTIONS, beyond_chance, sentence, words

from .labs_support import LABS, report

LAB = '''
    """A small lab: is one one?

    Claim: one is one, in 100 % of cases: always.

    Source: arithmetic.

    Set-up: a sweep of
    three cells.

    Changes: another arithmetic.
    """
    import os
    from pathlib import Path
    from minigrad import randn
    from minigrad.labs import Run, main

    def cell(x, seed):
        with open(run_log, "a") as file:
            file.write("cell\\n")
        if Path(run_log).with_name("stop").exists() and x == 2:
            raise KeyboardInterrupt
        return {"one": 1, "noise": randn(2), "worst": float("inf")}

    def measure(run: Run) -> None:
        global run_log
        run_log = run.out / "log"
        rows = run.sweep(cell, x=[1, 2, 3], seed=run.seeds)
        run.keep(rows=rows)
        run.table(["x", "<one>"], [[r["x"], r["one"]] for r in rows], "Ones", featured=True)
        run.check("one is one", all(r["one"] == 1 for r in rows), cells=len(rows), worst=rows[0]["worst"])
        run.draw(lambda axes: axes.plot([1, 2]))

    if __name__ == "__main__":
        main(measure, quick_seeds=1, extra={"loud": "says more"})
'''


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder examples/labs with one small lab, in the current directory."""
    path = tmp_path / "examples" / "labs" / "19_small.py"
    path.parent.mkdir(parents=True)
    path.write_text(textwrap.dedent(LAB).lstrip())
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    return path


def finding(holds: bool, statement: str = "a", under: str = "") -> dict:
    return {"statement": statement, "under": under, "holds": holds, "numbers": {"n_seeds": 1, "x": None}}


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([finding(True)], "holds"),
        ([finding(True), finding(True, "b")], "holds"),
        ([finding(False), finding(False, "b")], "fails"),
        ([finding(True), finding(False, "b")], "partly"),
        ([finding(True, under="he"), finding(False, under="default")], "depends"),
        ([finding(True, under="he"), finding(False, "b", "default")], "partly"),
        ([finding(True, under="he"), finding(False, under="default"), finding(False, "b")], "partly"),
        ([finding(True, under="he"), finding(False, under="default"), finding(True, "b")], "depends"),
    ],
)
def test_the_verdict_follows_from_the_findings(findings: list, verdict: str) -> None:
    assert judged(findings) == verdict


def test_no_findings_no_verdict() -> None:
    with pytest.raises(ValueError, match=r"nothing was checked.*Hint: run\.check"):
        judged([])


@pytest.mark.parametrize(
    ("agree", "seeds", "sure"),
    [(5, 5, True), (4, 5, False), (7, 8, True), (6, 8, False), (9, 10, True), (8, 10, False), (15, 20, True), (14, 20, False),
     (1, 1, True), (3, 3, True), (2, 3, False), (0, 5, False)],
)  # fmt: skip
def test_how_many_seeds_are_more_than_chance(agree: int, seeds: int, sure: bool) -> None:
    assert beyond_chance(agree, seeds) is sure
    coins = np.random.default_rng(0).integers(0, 2, (200_000, seeds)).sum(1)
    if seeds >= 5:
        assert bool((coins >= agree).mean() < 0.05) is sure


def test_a_difference_within_the_spread_of_the_seeds_is_no_finding() -> None:
    lab = Run(LABS["71_dropout"], True, [0, 1, 2, 3, 4], "digits", "cpu", Path("unused"))
    lab.ahead("a leads", "clearly", a=[3.0, 4.0, 5.0, 6.0, 7.0], b=[2.0, 3.0, 4.0, 5.0, 6.0])
    lab.ahead("a leads", "by two", by=2, a=[3.0, 4.0, 5.0, 6.0, 7.0], b=[2.0, 3.0, 4.0, 5.0, 6.0])
    lab.ahead("a leads", "but for one seed", a=[3.0, 4.0, 5.0, 6.0, 1.0], b=[2.0, 3.0, 4.0, 5.0, 6.0])
    lab.ahead("a leads", "but for a seed without a number", a=[3.0, 4.0, 5.0, 6.0, None], b=[2.0, 3.0, 4.0, 5.0, 6.0])
    lab.ahead("a leads", "in nothing", a=[None] * 5, b=[2.0, 3.0, 4.0, 5.0, 6.0])
    assert [f["holds"] for f in lab.findings] == [True, False, False, False, False]
    assert lab.findings[2]["numbers"] == {"a": 4.0, "b": 4.0, "seeds_that_agree": 4, "of": 5}
    assert lab.findings[4]["numbers"] == {"a": None, "b": 4.0, "seeds_that_agree": 0, "of": 5}
    check_report(lab.report())
    for wrong in ({"a": [1.0]}, {"a": [1.0], "b": [1.0], "c": [1.0]}, {"a": [1.0], "b": [1.0, 2.0]}):
        with pytest.raises(ValueError):
            lab.ahead("a leads", **wrong)


def test_the_sentence_has_the_numbers() -> None:
    said = sentence([finding(True, "it rises", "he"), finding(False, "it rises")])
    assert said == "it rises: yes (he, n seeds 1, x –), NO (n seeds 1, x –)"


@pytest.mark.parametrize("path", LABS.values(), ids=LABS)
def test_every_lab_says_what_is_claimed_and_where(path: Path) -> None:
    said = words(path)
    assert said.section == "ABCDEFG"[int(path.stem[0]) - 1] and said.section in SECTIONS
    assert all(len(text) > 20 for text in (said.title, said.claim, said.setup, said.changes))


def test_words_that_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "11_x.py"
    path.write_text('"""Title.\n\nClaim: a.\n\nSource: b.\n"""\n')
    with pytest.raises(ValueError, match=r"11_x\.py has no paragraph `Set-up: \.\.\.`"):
        words(path)
    with pytest.raises(ValueError, match=r"expected a file called NN_name\.py"):
        words(path.with_name("x.py"))


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=100)


def test_a_lab_prints_saves_and_resumes(lab: Path) -> None:
    (lab.parents[2] / "out" / "stop").touch()
    done = run(lab, "--quick", "--out", "out")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "19_small: interrupted; finished cells are kept, the same command goes on from there"
    assert Path("out/log").read_text().count("cell") == 2
    Path("out/stop").unlink()
    with open("out/19_small.cells.jsonl", "a") as file:
        file.write('{"key": "cell cut sho')  # as a full disk leaves it
    done = run(lab, "--quick", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert Path("out/log").read_text().count("cell") == 4  # cell 1 was kept; 2 and 3 were computed
    assert not Path("out/19_small.cells.jsonl").exists()
    assert "holds: one is one: yes (cells 3, worst –)" in done.stdout
    found = json.loads(Path("out/19_small.json").read_text())
    check_report(found)
    assert found["measurements"]["rows"][0]["worst"] is None
    assert found["settings"] == {"quick": True, "seeds": [0], "data": "digits", "device": "cpu"}
    whole = run(lab, "--quick", "--out", "whole")  # the folder is not there yet
    assert whole.returncode == 1 and "No such file" in whole.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("names", [["small"], ["small", "other"]])
def test_a_run_that_is_terminated_ends_its_labs(lab: Path, names: list[str]) -> None:
    slow = 'import os, time\nfrom pathlib import Path\nPath(f"{__file__}.pid").write_text(str(os.getpid()))\ntime.sleep(60)\n'
    docstring = lab.read_text().split("import os")[0]
    paths = [lab.with_name(f"1{k}_{name}.py") for k, name in zip((9, 8), names, strict=False)]
    for path in paths:
        path.write_text(docstring + slow)
    process = subprocess.Popen([sys.executable, "-m", "minigrad", "lab", *names, "--jobs", "2", "--out", "out"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    pids = [Path(f"{path}.pid") for path in paths]
    deadline = time.monotonic() + 60
    while not all(pid.exists() and pid.read_text() for pid in pids):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    for pid in pids:
        while Path(f"/proc/{pid.read_text()}").exists():
            assert time.monotonic() < deadline, "the lab goes on by itself"
            time.sleep(0.05)


def test_resumed_and_whole_runs_measure_the_same(lab: Path) -> None:
    for out, stop in (("out", True), ("out", False), ("again", False)):
        Path(out).mkdir(exist_ok=True)
        (Path(out) / "stop").touch() if stop else (Path(out) / "stop").unlink(missing_ok=True)
        run(lab, "--seeds", "2,9", "--out", out)
    one, two = (json.loads(Path(out, "19_small.json").read_text())["measurements"] for out in ("out", "again"))
    assert one == two and len(one["rows"]) == 6
    noise = [tuple(row["noise"]) for row in one["rows"]]
    assert noise[0] == noise[2] != noise[1], "a cell starts from its seed"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--seeds", "0", "expected 1 to 1000 seeds, got 0"),
        ("--seeds", "1001", "expected 1 to 1000 seeds, got 1001"),
        ("--seeds", "-3", "expected"),
        ("--seeds", "3,3", "expected different seeds from 0 to 4294967295"),
        ("--seeds", "4294967296,", "expected different seeds"),
        ("--seeds", "x", "expected a number of seeds"),
        ("--device", "nowhere", "nowhere"),
    ],
)
def test_options_out_of_range(lab: Path, option: str, value: str, message: str) -> None:
    done = run(lab, f"{option}={value}")
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_missing_data_says_what_to_get(lab: Path) -> None:
    lab.write_text(lab.read_text().replace("    rows = run.sweep", "    images(run.data)\n    rows = run.sweep").replace(
        "import Run, main", "import Run, main\nfrom minigrad.labs.setups import images"))  # fmt: skip
    done = run(lab, "--data", "cifar10:here", "--out", "out")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "It needs data_batch_1.bin" in done.stderr and "cifar-10-binary.tar.gz" in done.stderr
    assert "unpack it in 'here'; or name their folder: --data cifar10:FOLDER" in done.stderr
    done = run(lab, "--data", "imagenet", "--out", "out")
    assert done.returncode == 1 and "expected one of digits, mnist, fashion, kmnist, cifar10, got 'imagenet'" in done.stderr


def test_the_command_line(lab: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["lab"]) == 0
    listed = capsys.readouterr().out
    assert "A. Exact mechanics\n  19_small" in listed and "A small lab: is one one?" in listed
    other = lab.with_name("21_broken.py")
    other.write_text(lab.read_text().replace('"one": 1', '"one": 1 / 0'))
    assert main(["lab", "all", "--quick", "--out", "out"]) == 1
    out, err = capsys.readouterr()
    assert "19_small" in out and "holds" in out
    assert "21_broken" in out and "did not finish: ZeroDivisionError: division by zero" in out
    assert err.splitlines()[-1] == "minigrad: lab: 21_broken did not finish"
    html = Path("out/index.html").read_text()
    assert html.count("<article") == 2 and "not run" in html and "&lt;one&gt;" in html and "<one>" not in html
    assert html.index("Ones") < html.index("<article"), "a featured table stands at the top"
    stamp = Path("out/19_small.json").stat().st_mtime_ns
    assert main(["lab", "small", "--quick", "--resume", "--out", "out"]) == 0
    assert Path("out/19_small.json").stat().st_mtime_ns == stamp, "done already"
    assert main(["lab", "nonsense"]) == 1
    assert "there is no lab 'nonsense'" in capsys.readouterr().err


def test_names_that_mean_a_lab(lab: Path) -> None:
    for name in ("all", "A", "a", "19", "small", "19_small"):
        assert list(runner.chosen([name])) == ["19_small"]
    with pytest.raises(ValueError, match="no lab 'B'"):
        runner.chosen(["B"])


def test_without_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PLACES", (tmp_path,))
    with pytest.raises(FileNotFoundError, match="no folder examples/labs here"):
        runner.labs()


def test_a_report_is_checked() -> None:
    good = report("11_undo")
    check_report(good)
    for change in (
        {"verdict": "holds"}, {"schema": 2}, {"seconds": "1"}, {"section": "H"}, {"more": 1}, {"findings": []},
        {"settings": {**good["settings"], "seeds": [-1]}},
        {"tables": [{"title": "", "columns": ["a"], "rows": [[1, 2]], "featured": False}]},
        {"findings": [{**good["findings"][0], "numbers": {"x": "1"}}]},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            check_report({**good, **change})
    with pytest.raises(ValueError):
        check_report([])


def test_the_page_escapes(tmp_path: Path) -> None:
    said = words(LABS["11_undo"])._replace(title="<b>&", claim='"<script>')
    html = page([said], {})
    assert "<b>&" not in html and "<script>" not in html and "&lt;script&gt;" in html
    (tmp_path / "11_undo.json").write_text("{}")
    assert read(tmp_path, "11_undo") is None


# -- sweeps --------------------------------------------------------------------------------------------------------------


def test_a_sweep(tmp_path: Path) -> None:
    calls = []

    def cell(a: int, b: str) -> int:
        calls.append((a, b))
        return a * 10

    path = tmp_path / "deep" / "cells.jsonl"
    rows = sweep(cell, {"a": [1, 2], "b": "xy"}, path, "k", progress=False)
    assert rows[1] == {"a": 1, "b": "y", "value": 10}
    assert sweep(cell, {"a": [2, 3], "b": "x"}, path, "k", progress=False)[0]["value"] == 20
    assert calls == [(1, "x"), (1, "y"), (2, "x"), (2, "y"), (3, "x")]
    sweep(cell, {"a": [1], "b": "x"}, path, "other key", progress=False)
    assert len(calls) == 6
    assert column(rows, "value", b="x") == [10, 20]
    with pytest.raises(ValueError, match="no values for b"):
        sweep(cell, {"a": [1], "b": []}, progress=False)
    with pytest.raises(ValueError, match="names of axes, a"):
        sweep(lambda a: {"a": 1}, {"a": [1]}, progress=False)


def test_spread() -> None:
    found = spread([1.0, None, 3.0, float("nan"), 2.0])
    assert found == {"count": 3, "mean": 2.0, "sd": 1.0, "median": 2.0, "low": 1.0, "high": 3.0}
    assert spread([2.0])["sd"] is None and spread([None])["mean"] is None


# -- set-ups -------------------------------------------------------------------------------------------------------------


def test_the_digits() -> None:
    data = images()
    assert data.x.shape == (1347, 1, 8, 8) and data.test_x.shape == (450, 1, 8, 8)
    assert abs(data.x.mean().item()) < 1e-5 and abs(data.x.std(correction=0).item() - 1) < 1e-5
    assert images(flat=True, limit=100).x.shape == (100, 64)
    with pytest.raises(ValueError, match="limit must be at least 1"):
        images(limit=0)


def test_each_seed_has_a_division_of_the_digits_of_its_own() -> None:
    own, other, again = images(), images(seed=3), images(seed=3)
    assert other.x.shape == own.x.shape and other.test_y.bincount().tolist() == own.test_y.bincount().tolist()
    assert other.test_x.tolist() == again.test_x.tolist() != own.test_x.tolist()
    pictures = [{tuple(row) for row in np.round((np.concatenate([d.x, d.test_x]).reshape(-1, 64) - d.x.numpy().min()), 3)}
                for d in (own, other)]  # fmt: skip
    assert len(pictures[0]) == len(pictures[1]) > 1700, "the same images"
    train, test = ({tuple(row) for row in part.numpy().reshape(-1, 64)} for part in (other.x, other.test_x))
    assert not train & test


def test_mnist_and_cifar_from_files(tmp_path: Path) -> None:
    bits = np.random.default_rng(0)
    x, y = bits.integers(0, 256, (5, 28, 28), dtype=np.uint8), np.arange(5, dtype=np.uint8)
    raw, batches = tmp_path / "MNIST" / "raw", tmp_path / "cifar-10-batches-bin"
    raw.mkdir(parents=True)
    batches.mkdir()
    for part in ("train", "t10k"):
        pixels = struct.pack(">4B3I", 0, 0, 8, 3, *x.shape) + x.tobytes()
        (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 5) + y.tobytes())
    found = images(f"mnist:{tmp_path}")
    assert found.x.shape == (5, 1, 28, 28) and found.y.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found.x.numpy()[:, 0], (x - x.mean()) / x.std(), rtol=1e-4, atol=1e-5)
    photos = bits.integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    record = np.concatenate([y[:, None], photos.reshape(5, -1)], 1)
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        (batches / f"{name}.bin").write_bytes(record.tobytes())
    found = images(f"cifar10:{tmp_path}", limit=7)
    assert found.x.shape == (7, 3, 32, 32) and found.test_y.tolist() == [0, 1, 2, 3, 4]
    used = np.concatenate([photos, photos[:2]])
    np.testing.assert_allclose(found.x.numpy(), (used - used.mean()) / used.std(), rtol=1e-4, atol=1e-5)
    (batches / "test_batch.bin").write_bytes(b"123")
    with pytest.raises(ValueError, match="whole number of records"):
        images(f"cifar10:{tmp_path}")


@pytest.mark.parametrize("norm", ["none", "bn", "ln", "gn", "in"])
@pytest.mark.parametrize("make", [setups.vggs, setups.cnn3])
def test_networks(make, norm: str) -> None:
    for shape in ((1, 8, 8), (3, 12, 12)):
        assert make(norm, shape)(zeros(2, *shape)).shape == (2, 10)
    if norm != "in":
        assert setups.mlp3(norm)(images(flat=True).x[:3]).shape == (3, 10)
    else:
        with pytest.raises(ValueError, match="norm: expected none, bn"):
            setups.mlp3(norm)


def test_first_weights() -> None:
    he = setups.initialise(setups.mlp([400, 300, 10]), "he", gain=2.0)
    assert abs(he[0].weight.var().item() / (4 * 2 / 400) - 1) < 0.05
    plain = setups.initialise(setups.mlp([400, 300, 10]), "default")
    assert 0.999 / 20 < plain[0].weight.abs().max().item() <= 1 / 20 and not plain[0].bias.any()
    with pytest.raises(ValueError, match="init: expected default or he"):
        setups.initialise(plain, "xavier")


def test_training_learns_and_repeats() -> None:
    data, seen = images(flat=True, limit=320), []
    for _ in range(2):
        manual_seed(4)
        seen.append(setups.train(setups.initialise(setups.mlp3("bn"), "he"), data, lr=0.1, epochs=3, seed=4))
    assert seen[0] == seen[1]
    assert len(seen[0]["loss"]) == 15 and len(seen[0]["test"]) == 3 and seen[0]["train"][-1] > 0.9
    blown = setups.train(setups.initialise(setups.mlp3(), "he"), data, lr=1e6, epochs=3)
    assert blown["diverged"] and len(blown["train"]) == 3 and blown["train"][-1] < 0.3
