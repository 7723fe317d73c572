"""The files in tests/torch_files, as PyTorch writes them: `python -m tests.make_torch_files`. Needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent / "torch_files"


def value() -> dict:
    """One of everything that is read."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.arange(8.0).reshape(4, 2)).square().sum().backward()
    optimizer.step()
    ramp = torch.arange(6.0).reshape(2, 3)
    return {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": np.float64(0.25), "name": "net",
        "turned": ramp.T, "row": ramp[1], "empty": torch.zeros(0, 3), "number": torch.tensor(7), "weight": model[0].weight,
        "types": [torch.tensor([1, 0, 2]).to(getattr(torch, name)) for name in (
            "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
            "complex128")],
        "plain": (True, None, -1.5, 2**70, 3 - 2j, b"bytes", {1, 2}, {5: "five"}, torch.Size([2, 3]), torch.float16,
                  torch.device("cpu")),
        "sparse": torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse(),
    }  # fmt: skip


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.save(value(), FOLDER / "archive.pt")
    torch.save(value(), FOLDER / "stream.pt", _use_new_zipfile_serialization=False)
