"""Makes digits.npz from scikit-learn's copy of the data: `python minigrad/data/make_digits.py`. Needs scikit-learn.

The split is drawn here, once, with a fixed seed and without a look at any result: of each digit's images, a quarter
(rounded) goes to the test part.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def main() -> None:
    data = load_digits()
    images, labels = data.images.astype(np.uint8), data.target.astype(np.uint8)
    rng = np.random.default_rng(0)
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        here = np.flatnonzero(labels == digit)
        test[rng.permutation(here)[: round(len(here) / 4)]] = True
    path = Path(__file__).with_name("digits.npz")
    np.savez_compressed(path, images=images, labels=labels, test=test)
    print(f"{path}: {len(labels)} images, {test.sum()} of them for testing, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
