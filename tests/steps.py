"""A few training steps of a convolutional network, and a digest of all bits that came of it: run by tests/test_determinism.py.

`python -m tests.steps WORKERS`: data of a loader with so many workers, augmentation, dropout, shuffling, Adam.
"""

from __future__ import annotations

import hashlib
import sys

import minigrad
from minigrad import data, nn, optim


class Noisy(data.Dataset):
    """Images that are made from the random numbers' stream, as augmentation does."""

    def __len__(self) -> int:
        return 96

    def __getitem__(self, i: int) -> tuple:
        return minigrad.full((1, 16, 16), i / 96) + 0.1 * minigrad.randn(1, 16, 16), i % 3


def digest(workers: int) -> str:
    minigrad.use_deterministic_algorithms(True)
    minigrad.manual_seed(5)
    net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Dropout(0.2), nn.Linear(576, 128), nn.Tanh(), nn.Linear(128, 3))  # fmt: skip
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    found = hashlib.sha256()
    for _ in range(2):
        for x, target in data.DataLoader(Noisy(), 48, shuffle=True, num_workers=workers):
            loss = nn.functional.cross_entropy(net(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.update(loss.detach().numpy().tobytes())
    for value in net.state_dict().values():
        found.update(value.numpy(force=True).tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    print(digest(int(sys.argv[1])))
