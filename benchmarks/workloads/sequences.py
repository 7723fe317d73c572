"""Sequences: a small GPT, an LSTM, and a recurrent net written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from .workload import adam, pictures, sgd, training, workload

WORDS, LENGTH, WIDTH, HEADS, LAYERS, BATCH = 65, 64, 128, 4, 4, 16


@workload(f"GPT, {LAYERS} layers of width {WIDTH}, {HEADS} heads, Adam, {BATCH} texts of {LENGTH} characters")
def gpt(lib: Any) -> Any:
    nn = lib.nn

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inward, self.outward = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            heads = (x.shape[0], LENGTH, HEADS, WIDTH // HEADS)
            q, k, v = (part.view(heads).transpose(1, 2) for part in self.inward(x).split(WIDTH, dim=2))
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.outward(y.transpose(1, 2).contiguous().view(x.shape))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.look = nn.Sequential(nn.LayerNorm(WIDTH), Attention())
            widened = [nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)]
            self.think = nn.Sequential(nn.LayerNorm(WIDTH), *widened)

        def forward(self, x: Any) -> Any:
            x = x + self.look(x)
            return x + self.think(x)

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.body = nn.Sequential(*[Block() for _ in range(LAYERS)], nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS))

        def forward(self, text: Any) -> Any:
            return self.body(self.words(text) + self.places(lib.arange(LENGTH))).view(-1, WORDS)

    model, rng = GPT(), np.random.default_rng(1)
    text = rng.integers(0, WORDS, (BATCH, LENGTH + 1))
    return training(lib, model, adam(lib, model), (text[:, :-1].copy(), text[:, 1:].reshape(-1)))


@workload("LSTM of width 128 over 32 steps of 32 numbers, Adam, batch 32")
def lstm(lib: Any) -> Any:
    nn = lib.nn

    class Last(nn.Module):
        """A classifier that looks at the LSTM's last output."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(32, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    model = Last()
    return training(lib, model, adam(lib, model), pictures(32, 32, 32))


@workload("recurrent net by hand, x[:, t] in a loop of 128 steps, width 64, SGD, batch 32")
def rnn_by_hand(lib: Any) -> Any:
    nn = lib.nn

    class ByHand(nn.Module):
        """h <- tanh(x_t + W h), over what a linear layer makes of every step's input."""

        def __init__(self) -> None:
            super().__init__()
            self.inward, self.again, self.head = nn.Linear(16, 64), nn.Linear(64, 64, bias=False), nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            steps = self.inward(x)
            h = total = lib.tanh(steps[:, 0])
            for t in range(1, 128):
                h = lib.tanh(steps[:, t] + self.again(h))
                total = total + h  # or else the gradient would shrink, through 128 steps, to denormal numbers
            return self.head(total / 128)

    model = ByHand()
    return training(lib, model, sgd(lib, model), pictures(32, 128, 16))
