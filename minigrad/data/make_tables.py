"""Makes tables.npz from scikit-learn's copies of the data: `python minigrad/data/make_tables.py`. Needs scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris, load_wine


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    for name, load in (("iris", load_iris), ("wine", load_wine)):
        table = load()
        arrays |= {name: table.data.astype(np.float32), f"{name}_kinds": table.target.astype(np.uint8)}
    path = Path(__file__).with_name("tables.npz")
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    print(f"{path}: {', '.join(f'{name} {array.shape}' for name, array in arrays.items())}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
