"""PyTorch's own random numbers, on demand: the committed ones, states, and where they are switched on."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import as_torch
from minigrad.nn import functional as F
from minigrad.ops.random import stream

from .torch_draws import DRAWS, FILE, ROUNDED, SEEDS, drawn

KEPT = json.loads(FILE.read_text())


@pytest.mark.parametrize("draw", DRAWS)
def test_the_numbers_are_those_pytorch_gave(draw: str, torch_stream: None) -> None:
    for seed, kept in zip(SEEDS, KEPT[draw], strict=False):
        got = drawn(minigrad, draw, seed)
        assert [len(numbers) for numbers in got] == [len(numbers) for numbers in kept]
        rel = 2e-6 if draw.startswith(ROUNDED) else 1e-15  # float32 is equal; in float64 C libraries differ in the last bit
        assert sum(got, []) == pytest.approx(sum(kept, []), rel=rel, abs=0)


def test_a_generator_has_the_stream_it_is_given() -> None:
    kept, state = KEPT["torch.rand(3)"][0][0], minigrad.get_rng_state().tolist()
    assert stream() == "pcg64"
    assert minigrad.rand(3, generator=minigrad.Generator(stream="torch").manual_seed(0)).tolist() == kept
    assert minigrad.rand(3, generator=minigrad.Generator().manual_seed(0)).tolist() != kept
    assert minigrad.get_rng_state().tolist() == state


def test_pytorchs_generators_start_with_one_seed(torch_stream: None) -> None:
    assert minigrad.Generator().initial_seed() == 67280421310721
    assert minigrad.manual_seed(-1).initial_seed() == 2**64 - 1


@pytest.mark.parametrize("n", [0, 1, 623, 624, 625])
def test_a_state_takes_up_the_stream_again(n: int, torch_stream: None) -> None:
    minigrad.manual_seed(7)
    minigrad.rand(n)
    minigrad.randn(3)  # whose last pair has a number left
    state = minigrad.get_rng_state()
    assert state.shape == (5056,) and state.dtype is minigrad.uint8
    want = [minigrad.randn(2).tolist(), minigrad.rand(700).tolist()]
    generators = [minigrad.Generator(), copy.deepcopy(minigrad.random.default_generator)]
    for generator in generators:
        generator.set_state(state)
    generators.append(pickle.loads(pickle.dumps(generators[0])))
    minigrad.set_rng_state(state)
    with minigrad.random.fork_rng():
        assert [minigrad.randn(2).tolist(), minigrad.rand(700).tolist()] == want
    for generator in (*generators, None):
        assert [minigrad.randn(2, generator=generator).tolist(), minigrad.rand(700, generator=generator).tolist()] == want


def test_another_streams_state_and_unknown_streams_are_refused(torch_stream: None) -> None:
    with pytest.raises(ValueError, match="set_rng_state: .*of stream 'torch'"):
        minigrad.set_rng_state(minigrad.Generator(stream="pcg64").get_state())
    with pytest.raises(ValueError, match="set_state: .*of stream 'pcg64'"):
        minigrad.Generator(stream="pcg64").set_state(minigrad.get_rng_state())
    for make in (stream, lambda name: minigrad.Generator(stream=name)):
        with pytest.raises(ValueError, match="must be one of 'pcg64', 'torch', got 'philox'"):
            make("philox")
    assert stream() == "torch"


def test_a_script_draws_pytorchs_numbers_unless_told_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    script = tmp_path / "script.py"
    script.write_text("import torch\ntorch.manual_seed(0)\nprint(torch.rand(3).tolist())\n")
    kept = str(KEPT["torch.rand(3)"][0][0])
    as_torch.main([str(script)])
    assert capsys.readouterr().out.strip() == kept and stream() == "pcg64"
    as_torch.main(["--random", "pcg64", str(script)])
    minigrad.manual_seed(0)
    assert capsys.readouterr().out.strip() == str(minigrad.rand(3).tolist()) != kept


def test_the_environment_chooses_the_stream() -> None:
    code = "import minigrad; minigrad.manual_seed(0); print(minigrad.rand(3).tolist())"
    environment = {**os.environ, "MINIGRAD_STREAM": "torch", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(KEPT["torch.rand(3)"][0][0])


class Noisy:
    def __len__(self) -> int:
        return 7

    def __getitem__(self, i: int) -> tuple:
        return i, minigrad.rand(()), np.random.rand()


def test_workers_take_their_seeds_from_the_loader(torch_stream: None) -> None:
    loader = minigrad.data.DataLoader(Noisy(), batch_size=2, shuffle=True, num_workers=2)
    epochs = []
    for _ in range(2):
        minigrad.manual_seed(1)
        epochs.append([[t.tolist() for t in batch] for batch in loader])
    assert epochs[0] == epochs[1]
    noise = [n for _, numbers, more in epochs[0] for n in (*numbers, *more)]
    assert len(set(noise)) == len(noise)


def test_vmap_and_records_draw_from_it(torch_stream: None) -> None:
    many = minigrad.vmap(F.dropout, randomness="different")(minigrad.ones(3, 40))
    once = minigrad.vmap(F.dropout, randomness="same")(minigrad.ones(3, 40))
    assert len({str(row.tolist()) for row in many}) == 3 and len({str(row.tolist()) for row in once}) == 1
    x = minigrad.ones(40)
    with minigrad.record(x) as program:
        y = F.dropout(x)
    minigrad.manual_seed(5)
    again = program.run(x)
    minigrad.manual_seed(5)
    assert again[y].tolist() == F.dropout(x).tolist() != y.tolist()


def test_numpys_other_distributions_draw_from_the_same_words() -> None:
    bits = minigrad.Generator(stream="torch").manual_seed(3).bits
    other = np.random.Generator(np.random.MT19937())
    other.bit_generator.state = np.random.RandomState(3).get_state()
    assert bits.hypergeometric(5, 4, 3, 5).tolist() == other.hypergeometric(5, 4, 3, 5).tolist()
    assert 2 <= bits.uniform(2, 3) < 3 and bits.integers(2, 4) in (2, 3) and bits.random((2, 3)).shape == (2, 3)


def test_the_page_prints_what_it_says(capsys: pytest.CaptureFixture) -> None:
    page = (Path(__file__).parents[1] / "docs/random.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    exec(compile(code, "random.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\) +# (.*)", code, re.MULTILINE)
