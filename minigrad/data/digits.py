"""The handwritten digits that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..ops.create import tensor
from .dataset import TensorDataset

FILE = Path(__file__).with_name("digits.npz")


def digits(*, flat: bool = False, normalize: bool = False) -> tuple[TensorDataset, TensorDataset]:
    """The 1,797 handwritten digits of 8 by 8 pixels, as (train, test): 1,347 and 450 cases, always the same split.

    Each dataset holds images (N, 1, 8, 8), float32 in [0, 1] (ink is 1), and labels (N,), int64, 0 to 9. The split is
    stratified: each digit has a quarter of its images in the test part.

    flat        images as rows (N, 64), for a linear layer
    normalize   images less the mean and over the standard deviation of all pixels of the training part

    Source: E. Alpaydin & C. Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49, its test part; licence CC BY 4.0 (see NOTICE beside the file).
    """
    with np.load(FILE, allow_pickle=False) as data:
        images, labels, test = data["images"], data["labels"], data["test"]
    x = images.reshape((-1, 64) if flat else (-1, 1, 8, 8)).astype(np.float32) / np.float32(16)
    if normalize:
        x = (x - x[~test].mean()) / x[~test].std()
    train_part, test_part = (TensorDataset(tensor(x[part]), tensor(labels[part].astype(np.int64))) for part in (~test, test))
    return train_part, test_part
