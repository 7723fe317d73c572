"""What PyTorch draws for a seed: expressions in `torch`, and the numbers that it gave.

`python -m tests.torch_draws` writes torch_draws.json anew from PyTorch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("torch_draws.json")
SEEDS = (0, 42, -1, 2**40 + 3)
DRAWS = """
torch.rand(3)
torch.rand(5, dtype=torch.float64)
torch.rand(5, dtype=torch.float16)
torch.randn(3)
torch.randn(15)
torch.randn(16)
torch.randn(19)
torch.randn(3, dtype=torch.float64)
torch.randn(17, dtype=torch.float64)
torch.randn(19, dtype=torch.float16)
torch.empty(3, 2).t().normal_()
torch.empty(3, 8).t().normal_(1.0, 0.5)
torch.empty(4, 5)[:, 1:3].uniform_(-0.3, 0.7)
torch.rand_like(torch.ones(2, 3, 4).permute(2, 0, 1))
torch.randn_like(torch.ones(5, 4).t())
torch.normal(2.0, 3.0, (4,))
torch.normal(torch.arange(4.0), torch.arange(1.0, 5.0))
torch.randint(10, (8,))
torch.randint(-5, 2**40, (4,))
torch.randint(0, 10, (5,), dtype=torch.float32)
torch.randperm(12)
torch.zeros(4, dtype=torch.int64).random_()
torch.zeros(4, dtype=torch.int32).random_()
torch.zeros(4).random_()
torch.zeros(4).random_(0, 2**28 - 1)
torch.zeros(4, dtype=torch.int64).random_(-2**63, None)
torch.zeros(9, dtype=torch.bool).random_()
torch.empty(8).bernoulli_(0.3)
torch.bernoulli(torch.linspace(0, 1, 9))
torch.bernoulli(torch.linspace(0, 1, 9, dtype=torch.float64))
torch.empty(4).exponential_(1.5)
torch.empty(4, dtype=torch.float64).exponential_()
torch.empty(6).geometric_(0.2)
torch.empty(4).cauchy_(0.1, 2.0)
torch.empty(4).log_normal_(0.1, 0.4)
torch.poisson(torch.arange(8.0) * 4)
torch.multinomial(torch.tensor([[0.1, 0.5, 0.4, 0.0], [1.0, 2.0, 3.0, 4.0]]), 1)
torch.multinomial(torch.tensor([[0.1, 0.5, 0.4, 0.0], [1.0, 2.0, 3.0, 4.0]]), 3)
torch.multinomial(torch.tensor([[0.1, 0.5, 0.4, 0.0], [1.0, 2.0, 3.0, 4.0]]), 6, True)
torch.rand(2, generator=torch.Generator())
torch.randn(2, generator=torch.Generator().manual_seed(7))
torch.nn.functional.dropout(torch.ones(3, 4), 0.3)
torch.nn.functional.dropout(torch.ones(4, 3).t(), 0.3)
torch.nn.functional.dropout(torch.ones(9, dtype=torch.float16), 0.3)
torch.nn.functional.dropout2d(torch.ones(2, 4, 1, 2), 0.5)
torch.nn.functional.alpha_dropout(torch.zeros(8), 0.4, True)
torch.nn.functional.rrelu(torch.arange(-4.0, 4.0), training=True)
torch.nn.functional.gumbel_softmax(torch.zeros(2, 3))
torch.nn.init.kaiming_uniform_(torch.empty(3, 4))
torch.nn.init.xavier_normal_(torch.empty(3, 4))
torch.nn.init.trunc_normal_(torch.empty(3, 6), std=0.7, a=-1.0, b=1.0)
torch.nn.init.trunc_normal_(torch.empty(3, 4), a=1.0, b=2.0)
torch.nn.init.orthogonal_(torch.empty(2, 3))
torch.nn.init.sparse_(torch.empty(4, 3), 0.5)
*torch.nn.Linear(3, 2).parameters()
*torch.nn.Conv2d(2, 2, 2).parameters()
*torch.nn.LSTM(2, 2).parameters()
*torch.nn.Embedding(3, 4).parameters()
*torch.nn.Bilinear(2, 2, 2).parameters()
*torch.nn.MultiheadAttention(4, 2).parameters()
*torch.utils.data.DataLoader(torch.arange(10), batch_size=4, shuffle=True)
*torch.utils.data.DataLoader(torch.arange(10), shuffle=True, batch_size=5, generator=torch.Generator().manual_seed(3))
torch.tensor(list(torch.utils.data.RandomSampler(range(9), True, 40)))
torch.tensor(list(torch.utils.data.WeightedRandomSampler([1.0, 2.0, 3.0], 7)))
torch.tensor(torch.utils.data.random_split(range(9), [6, 3])[0].indices)
torch.distributions.Normal(1.0, 2.0).sample((3,))
torch.distributions.Exponential(torch.tensor(2.0)).sample((3,))
torch.distributions.Laplace(0.0, 1.0).sample((3,))
torch.distributions.Gumbel(0.0, 1.0).sample((3,))
torch.distributions.Cauchy(0.0, 1.0).sample((3,))
torch.distributions.Categorical(torch.ones(5)).sample((6,))
torch.distributions.Binomial(torch.tensor([9.0, 90.0, 90.0]), torch.tensor([0.7, 0.3, 0.6])).sample((2,))
torch.distributions.Gamma(torch.tensor([0.1, 1.0, 30.0]), 1.0).sample((2,))
torch.distributions.Beta(torch.tensor([0.5, 3.0]), torch.tensor([0.5, 2.0])).sample((2,))
""".strip().splitlines()
ROUNDED = ("torch.nn.functional.gumbel_softmax", "torch.nn.init.orthogonal_", "torch.distributions.Laplace",
           "torch.distributions.Gumbel", "torch.distributions.Gamma",
           "torch.distributions.Beta")  # computed in float32 from what is drawn: to rounding  # fmt: skip


def drawn(torch: Any, draw: str, seed: int) -> list[list]:
    """The numbers of an expression after `manual_seed`, and two that are drawn next, in PyTorch or minigrad."""
    torch.manual_seed(seed)
    found = eval(f"[{draw}]", {"torch": torch})
    return [t.detach().double().flatten().tolist() for t in (*found, torch.rand(2))]


if __name__ == "__main__":
    import torch

    lines = [f"{json.dumps(draw)}: {json.dumps([drawn(torch, draw, seed) for seed in SEEDS[:2]])}" for draw in DRAWS]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
