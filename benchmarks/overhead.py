"""What `train.fit` adds to a loop written by hand, and whether the loader keeps ahead: `python -m benchmarks.overhead`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from tqdm import tqdm

import minigrad
from minigrad import data, nn, optim, train
from minigrad.data import transforms
from minigrad.demo import MODELS

from .machine import facts


def parts(make: Callable, loader: Any) -> tuple:
    """A model from fixed weights, its optimizer, loss and data."""
    minigrad.manual_seed(0)
    model = make()
    return model, nn.CrossEntropyLoss(), optim.AdamW(model.parameters(), lr=1e-3), loader()


def by_hand(model: nn.Module, loss: Callable, optimizer: optim.Optimizer, loader: Any) -> list[float]:
    """An epoch as one writes it, with the losses, the accuracy and a progress bar."""
    model.train()
    losses, right, seen = [], 0.0, 0
    with tqdm(total=len(loader)) as bar:
        for x, y in loader:
            output = model(x)
            value = loss(output, y)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
            with minigrad.no_grad():
                right += train.accuracy(output, y) * len(y)
            seen += len(y)
            bar.set_postfix_str(f"loss {sum(losses) / len(losses):.4f}, accuracy {right / seen:.4f}", False)
            bar.update()
    return losses


def by_fit(model: nn.Module, loss: Callable, optimizer: optim.Optimizer, loader: Any) -> list[float]:
    return train.fit(model, loss, optimizer, loader, metric=train.accuracy).loss


def digits() -> data.DataLoader:
    """The demo's loader."""
    return data.DataLoader(data.digits()[0], 32, shuffle=True, drop_last=True)


def overhead(make: Callable, rounds: int) -> tuple[float, float]:
    """The processor time of an epoch by `fit` over that by hand: median of the rounds, and least over least."""
    times: dict[Callable, list[float]] = {by_hand: [], by_fit: []}
    for k in range(rounds):
        losses = []
        for loop in list(times)[:: 1 if k % 2 else -1]:
            given = parts(make, digits)
            begun = time.process_time()
            losses.append(loop(*given))
            times[loop].append(time.process_time() - begun)
        assert losses[0] == losses[1], "the two loops differ"
    ratios = [fit / hand for fit, hand in zip(times[by_fit], times[by_hand], strict=True)]
    return median(ratios), min(times[by_fit]) / min(times[by_hand])


class Photos(data.Dataset):
    """8 x 8 digits taken one by one through random transforms, as pictures of a collection are."""

    change = transforms.Compose(
        [transforms.ToTensor(), transforms.RandomCrop(8, padding=1), transforms.Normalize([0.5], [0.5])]
    )

    def __init__(self) -> None:
        images, labels = data.digits()[0].tensors
        self.images, self.labels = (images[:, 0].numpy() * 255).astype(np.uint8), labels.tolist()

    def __getitem__(self, i: int) -> tuple:
        return self.change(self.images[i]), self.labels[i]

    def __len__(self) -> int:
        return len(self.labels)


def photos(workers: int) -> data.DataLoader:
    return data.DataLoader(Photos(), 32, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0)


def waiting(make: Callable, loader: Callable, rounds: int) -> float:
    """The part of an epoch's time that the loop waits for batches, the first one aside: median of the rounds."""
    shares = []
    model, loss, optimizer, batches = parts(make, loader)
    for _ in range(rounds):
        found, waited = iter(batches), 0.0
        next(found)
        begun = last = time.perf_counter()
        for x, y in found:
            waited += time.perf_counter() - last
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
            last = time.perf_counter()
        shares.append(waited / (last - begun))
    return median(shares)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="epochs of each kind (%(default)s)")
    rounds = parser.parse_args().rounds
    minigrad.set_num_threads(1)
    print(", ".join(f"{key} {value}" for key, value in facts().items() if value is not None))
    for name, make in MODELS.items():
        middle, least = overhead(make, rounds)
        print(f"{name}: fit takes {middle:.4f} of the time of a loop by hand (least times: {least:.4f})")
        print(f"{name}: waiting for the loader: {waiting(make, digits, rounds):.1%} of an epoch", flush=True)
        for workers in (0, 1):
            share = waiting(make, lambda workers=workers: photos(workers), rounds)
            print(f"{name}: waiting for random transforms of each picture, {workers} workers: {share:.1%}", flush=True)


if __name__ == "__main__":
    main()
