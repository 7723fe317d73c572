"""Which of the names that public toy scripts use are here: `python -m tests.as_torch.coverage` prints those that are not.

names.txt has a name and the number of scripts with it on each line; `Tensor.x` and `(Module).x` may be of other objects.
"""

from __future__ import annotations

from pathlib import Path

from minigrad.torch_face.report import lacking

SHORT = {"F": "nn.functional", "init": "nn.init", "data": "utils.data", "lr_scheduler": "optim.lr_scheduler",
         "(Module)": "nn.Module", "(Optimizer/LRScheduler)": "optim.Optimizer"}  # fmt: skip


def missing() -> list[str]:
    """The lines of names.txt whose name in a module of torch is missing."""
    found = []
    for line in Path(__file__).with_name("names.txt").read_text().splitlines():
        first, _, rest = line.split()[0].removeprefix("torch.").partition(".")
        name = ".".join(part for part in ("torch", SHORT.get(first, first), rest) if part)
        if lacking(name, ""):
            found.append(line)
    return found


if __name__ == "__main__":
    print("\n".join(missing()) or "nothing is missing")
