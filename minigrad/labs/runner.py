"""`python -m minigrad lab`: lists the labs, runs them in processes of their own, and writes the page of them all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .lab import LEFT_OUT
from .page import write_page
from .report import SECTIONS, check_report, words

HOME = Path(__file__).resolve().parents[2] / "examples" / "labs"
PLACES = (Path("examples/labs"), HOME)  # looked at in this order
ROOT = str(Path(__file__).resolve().parents[2])  # so that the labs import this minigrad, installed or not
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def labs() -> dict[str, Path]:
    """The labs by name, in order. Raises FileNotFoundError where there are none."""
    for folder in PLACES:
        found = {path.stem: path for path in sorted(folder.glob("[1-7][0-9]_*.py"))}
        if found:
            return found
    raise FileNotFoundError("lab: there is no folder examples/labs here. Hint: the labs come with minigrad's sources, not with "
                            "the installed package; run this command in the source folder")  # fmt: skip


def chosen(names: Sequence[str]) -> dict[str, Path]:
    """The labs that are meant: `all`, a section (`A`), a number (`11`), a name (`undo`) or both (`11_undo`)."""
    known = labs()
    picked: dict[str, Path] = {}
    for asked in names:
        section = "ABCDEFG".find(asked.upper()) + 1 if len(asked) == 1 else 0
        match = {name: path for name, path in known.items()
                 if asked in ("all", name, *name.split("_", 1)) or section and name[0] == str(section)}  # fmt: skip
        if not match:
            raise ValueError(f"lab: there is no lab {asked!r}. Hint: `python -m minigrad lab` lists them")
        picked |= match
    return dict(sorted(picked.items()))


def listing() -> str:
    """Every lab in a line, by section, read from their docstrings."""
    lines, said = [], [words(path) for path in labs().values()]
    for section, title in SECTIONS.items():
        lines += [f"\n{section}. {title}"] * any(w.section == section for w in said)
        lines += [f"  {w.name:28} {w.title}" for w in said if w.section == section]
    return "\n".join(lines).lstrip("\n") + "\n\npython -m minigrad lab NAME|SECTION|all [--quick] runs them"


def finished(name: str, path: Path, out: Path, options: dict[str, Any]) -> bool:
    """Whether the folder has a report of this lab, made with these options after the lab's file last changed."""
    report = out / f"{name}.json"
    if not report.is_file() or report.stat().st_mtime < path.stat().st_mtime:
        return False
    try:
        settings = json.loads(report.read_text(encoding="utf-8"))["settings"]
    except (ValueError, KeyError, TypeError):
        return False
    return all(settings.get(key) == value for key, value in options.items())


def run(names: Sequence[str], options: Any) -> None:
    """List the labs, or run those named and write the page. Raises RuntimeError if any did not finish.

    options   quick, seeds, data, device, out as the labs take them; `jobs`, how many run at a time; `resume`, to leave out
              those whose reports are there
    """
    if not names:
        print(listing())
        return
    asked, out = chosen(names), options.out
    arguments = ["--data", options.data, "--device", options.device, "--out", str(out), *["--quick"] * options.quick]
    settings = {"quick": options.quick, "data": options.data, "device": options.device}
    if options.seeds:
        settings["seeds"] = options.seeds
        arguments += ["--seeds", ",".join(map(str, options.seeds)) + ","]
    if options.resume:
        asked = {name: path for name, path in asked.items() if not finished(name, path, out, settings)}
    out.mkdir(parents=True, exist_ok=True)  # before anything is measured
    start = time.perf_counter()
    with terminable():
        failed = alone(*asked.popitem(), arguments) if len(asked) == 1 else together(asked, arguments, options.jobs, out)
    page = write_page(out, [words(path) for path in labs().values()])
    print(f"wrote {page}  ({time.perf_counter() - start:.0f} s)")
    if failed:
        raise RuntimeError(f"lab: {', '.join(failed)} did not finish")


@contextmanager
def terminable() -> Iterator[None]:
    """In the block SIGTERM ends the process as an exception, so that the labs at work are ended too."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def alone(name: str, path: Path, arguments: list[str]) -> list[str]:
    """Run one lab, in the open; its name if it failed."""
    done = subprocess.run([sys.executable, path, *arguments], env=environment())
    if done.returncode == 130:
        raise KeyboardInterrupt
    return [name] * (done.returncode not in (0, LEFT_OUT))


def environment() -> dict[str, str]:
    """The environment of a lab's process."""
    paths = [ROOT, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def together(asked: dict[str, Path], arguments: list[str], jobs: int, out: Path) -> list[str]:
    """Run several labs, `jobs` at a time on a thread each, with a progress bar; the names of those that failed."""
    failed, running = [], []

    def one(path: Path) -> tuple[int, str]:
        process = subprocess.Popen([sys.executable, path, *arguments], env={**environment(), **ONE_THREAD}, text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
        running.append(process)
        said = process.communicate()[1]
        return process.returncode, said

    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(asked), unit="lab", dynamic_ncols=True, disable=not asked) as bar:
        tasks = {pool.submit(one, path): name for name, path in asked.items()}
        try:
            for task in as_completed(tasks):
                name, (code, said) = tasks[task], task.result()
                how = "left out" if code == LEFT_OUT else "did not finish"
                line = f"{name:28} {how}: {last(said)}" if code else verdict(name, out)
                failed += [name] * (code not in (0, LEFT_OUT))
                bar.write(line, file=sys.stdout)
                bar.update()
        except BaseException:  # Ctrl-C or SIGTERM
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.terminate()
            raise
    return failed


def last(text: str) -> str:
    """The last line of a lab's complaint."""
    lines = [line for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def verdict(name: str, out: Path) -> str:
    """What a lab found, in a line."""
    report = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
    check_report(report)
    return f"{name:28} {report['verdict']:8} {report['seconds']:6.1f} s"
