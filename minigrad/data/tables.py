"""Two tables that come with the package: flowers and wines, measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..ops.create import tensor
from .dataset import TensorDataset

FILE = Path(__file__).with_name("tables.npz")


class Table(TensorDataset):
    """A TensorDataset of measurements (N, columns), float32, and kinds (N,), int64, with the names of both."""

    def __init__(self, name: str, columns: list[str], classes: list[str]) -> None:
        with np.load(FILE, allow_pickle=False) as file:
            super().__init__(tensor(file[name]), tensor(file[f"{name}_kinds"].astype(np.int64)))
        self.columns, self.classes = columns, classes


def iris() -> Table:
    """Length and width of sepals and petals, in cm, of 50 flowers of each of three kinds of iris: (150, 4) and (150,).

    Setosa is apart from the others; versicolor and virginica touch. The values are those that Fisher printed.
    Source: R. A. Fisher 1936, Iris, UCI Machine Learning Repository, https://doi.org/10.24432/C56C76; licence CC BY 4.0.
    """
    return Table("iris", ["sepal length", "sepal width", "petal length", "petal width"], ["setosa", "versicolor", "virginica"])


def wine() -> Table:
    """13 chemical measurements, of very different sizes, of 59, 71 and 48 wines of three growers: (178, 13) and (178,).

    Source: S. Aeberhard and M. Forina 1991, Wine, UCI Machine Learning Repository, https://doi.org/10.24432/C5PC7J; licence
    CC BY 4.0.
    """
    columns = ["alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids",
               "nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "od280/od315 of diluted wines",
               "proline"]  # fmt: skip
    return Table("wine", columns, ["grower 1", "grower 2", "grower 3"])
