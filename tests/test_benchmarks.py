"""The benchmarks' harness: peers, the reasons why one can't run, ratios, tables. That workloads run: tests/test_docs.py."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from benchmarks import crowd, gpu_check, memory
from benchmarks.measure import choose, measure, summarize
from benchmarks.peers import PEERS, Peer
from benchmarks.peers.in_kernels import Calls
from benchmarks.report import duration, table, write
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.workload import weights
from minigrad.backends import cupy_cudnn
from minigrad.backends.numpy_backend import NUMPY


def test_a_peer_says_why_it_cannot_run() -> None:
    assert PEERS["minigrad"].trouble() is None
    assert "pip install no_such_library" in str(Peer("x", "no_such_library").trouble())
    assert "no-such-program" in str(Peer("x", "minigrad", needs=("no-such-program",)).trouble())


def test_choice() -> None:
    assert choose([]) == ["minigrad"]
    with pytest.raises(ValueError, match="no peer 'nobody'"):
        choose(["nobody"])
    assert choose(None)[0] == "minigrad"


def test_spared_workloads_exist() -> None:
    assert all(name in WORKLOADS and reason for peer in PEERS.values() for name, reason in peer.without)


@pytest.mark.parametrize("peer", ["autograd", "mygrad"])
def test_peers_take_the_same_steps(peer: str) -> None:
    """A short MLP's first losses are minigrad's. The peers that compile take too long for a test."""
    if PEERS[peer].trouble():
        pytest.skip(str(PEERS[peer].trouble()))
    lib = PEERS[peer].load(1)
    make = PEERS[peer].builder(WORKLOADS["mlp_sgd"])
    assert make is not None and PEERS[peer].builder(WORKLOADS["gpt"]) is None
    ours, theirs = WORKLOADS["mlp_sgd"].build(minigrad), make(lib)
    np.testing.assert_allclose([theirs() for _ in range(3)], [ours() for _ in range(3)], rtol=1e-4)


def test_kernels_alone_are_called_without_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    before, engine = dict(NUMPY.kernels), WORKLOADS["mlp_sgd"].build(minigrad)
    step = PEERS["kernels"].builder(WORKLOADS["mlp_sgd"])(PEERS["kernels"].load(1))  # type: ignore[misc]
    np.testing.assert_allclose([step() for _ in range(3)], [engine() for _ in range(3)], rtol=1e-6)
    with Calls() as calls:
        engine()
    called = [kernel for kernel, _, _ in calls.made]
    assert NUMPY.kernels == before and [called.count(before[name]) for name in ("linear", "cross_entropy")] == [3, 1]
    monkeypatch.setattr(minigrad.core.Op, "__call__", None)
    assert step() == step()


def test_weights_are_the_same_each_time() -> None:
    first, second = weights([(3, 4), (3,)]), weights([(3, 4), (3,)])
    assert all((a == b).all() for a, b in zip(first, second, strict=True)) and first[0].dtype == np.float32
    assert abs(first[0]).max() <= 0.5


def made_up() -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {
        "minigrad": {"times": [1.0, 2.0, 4.0], "results": [1.0], "memory": 30.0, "memory_before": 20.0},
        "torch": {"times": [3.0, 4.0, 4.0], "results": [1.0], "memory": None, "memory_before": None},
        "jax": {"times": [1.0, 1.0, 1.0], "results": [1.1], "memory": 1.0, "memory_before": 0.0},
        "mygrad": {"missing": "no such workload"},
    }
    summarize(found, WORKLOADS["mlp_sgd"])
    return {"workload": "mlp_sgd", "title": "a title", "unit": "step", "peers": found}


def test_ratios() -> None:
    peers = made_up()["peers"]
    assert peers["torch"]["ratio"] == 2.0 and peers["torch"]["ratio_least"] == 3.0 and peers["torch"]["agrees"]
    assert not peers["jax"]["agrees"] and "ratio" not in peers["mygrad"]


def test_table_and_files(tmp_path: Path) -> None:
    text = table(made_up())
    assert "2.00 x" in text and "10 MiB" in text and "no such workload" in text and "means nothing" in text
    written = write(tmp_path, {"processor": "p", "threads": 1}, [made_up()])
    assert json.loads(written[0].read_text())["results"][0]["workload"] == "mlp_sgd"
    if find_spec("matplotlib"):
        assert written[1].read_bytes()[:4] == b"\x89PNG"
    assert duration(0.00123) == "1.23 ms" and duration(2e-6) == "2 us"


def test_a_measurement() -> None:
    result = measure(WORKLOADS["scalar_chain"], ["minigrad"], 1, 2, 0.01)["peers"]["minigrad"]
    assert len(result["times"]) == 2 and 0 < result["least"] <= result["median"] and result["version"] == minigrad.__version__


def test_gpu_check_finds_what_cudnn_does_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not gpu_check.beside_plain("cpu"), "with cuDNN on or off the CPU computes the same"
    rule = lambda x, w, b: (x.sum() + w.sum() + b.sum()) * (1.0 if cupy_cudnn.SWITCHES["enabled"] else 1.01)  # noqa: E731
    monkeypatch.setitem(gpu_check.SERVED, "conv2d", (rule, gpu_check.SERVED["conv2d"][1]))
    (line,) = gpu_check.beside_plain("cpu")
    assert line.startswith("conv2d: ")
    assert cupy_cudnn.SWITCHES["enabled"]


@pytest.mark.parametrize(("codes", "code"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1)])
def test_gpu_check_runs_the_suites_and_the_benchmark(monkeypatch: pytest.MonkeyPatch, codes: tuple, code: int) -> None:
    asked, left = [], list(codes)
    monkeypatch.setattr("sys.argv", ["gpu_check", "--device", "cpu"])
    monkeypatch.setattr(gpu_check, "run", lambda *arguments: (asked.append(arguments), left.pop(0))[1])
    assert gpu_check.main() == code and not left
    suites, timing = asked
    assert "tests/test_gpu.py" in suites
    assert suites[suites.index("--device") + 1] == "cpu" == timing[timing.index("--device") + 1]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's account of a process")
def test_memory_of_a_step_is_flat() -> None:
    for collector in (True, False):
        found = memory.flatness("mlp_sgd", 200, 1, collector)
        assert len(found) == 5 and memory.growth(found, 200)[1] <= memory.LOOSE
        assert found[-1]["memory"] - found[1]["memory"] < 1, "200 steps of 0.2 MiB of activations each leave less than 1 MiB"
    own = memory.peak("mlp_sgd", "minigrad", 1)
    assert own is not None and 0 < own["data"] < own["peak"]


def test_a_crowd_of_two(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    waits = {"OMP_WAIT_POLICY": "passive"}
    absent = dataclasses.replace(PEERS["torch"], module="no_such_library")
    monkeypatch.setitem(crowd.PEERS, "torch", absent)
    monkeypatch.setattr(crowd, "WAYS", [("ours", "minigrad", waits), ("theirs", "torch", {})])
    monkeypatch.setattr(sys, "argv", ["crowd", "--only", "mlp_sgd", "--threads", "1", "--seconds", "0.05"])
    before = dict(os.environ)
    assert crowd.main() == 0
    ours, theirs = capsys.readouterr().out.splitlines()[-2:]
    alone, both = map(float, ours.split()[1:3])
    assert ours.startswith("ours") and alone > 0 and both > 0
    assert theirs.split(maxsplit=1)[1].startswith("torch is not installed")
    assert {name: os.environ.get(name) for name in waits} == {name: before.get(name) for name in waits}
    monkeypatch.setattr(sys, "argv", ["crowd", "--threads", "0"])
    with pytest.raises(SystemExit):
        crowd.main()
    assert "must be positive, got 0" in capsys.readouterr().err


def test_memory_that_grows_is_found() -> None:
    flat = [{"memory": 80.0, "data": 20.0, "objects": 1000.0}] * 5
    assert memory.flat(flat, 5000) and memory.growth(flat, 5000) == (0, 0)
    assert not memory.flat([*flat[:4], {**flat[0], "memory": 81.0}], 5000)  # 256 KiB in 1,000 steps
    assert not memory.flat([*flat[:4], {**flat[0], "objects": 6000.0}], 5000)
    assert memory.flat([*flat[:4], {**flat[0], "memory": 80.2}], 5000)
    assert "GROWS" in memory.trend([*flat[:4], {**flat[0], "memory": 81.0}], 5000)


def test_gpu_check_without_a_gpu(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    if minigrad.amp.is_autocast_available("cuda"):
        pytest.skip("there is a GPU")
    monkeypatch.setattr("sys.argv", ["gpu_check"])
    assert gpu_check.main() == 2
    assert len(capsys.readouterr().out.strip().splitlines()) == 1
