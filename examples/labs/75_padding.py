"""Padding: why do transformers use layer norm?

Claim: "Layer norm suits sequences, as it needs no batch; batch norm's statistics change with the padding and the other
sequences."

Source: Ba et al. 2016, §1; Shen et al. 2020 (PowerNorm); several articles on transformers.

Set-up: a transformer of one layer (24 wide, two heads, normalization before each part and at the end, masked attention, mean
over the real tokens) tells which of four symbols is the most frequent among 4 to 12; layer norm, batch norm over all
positions, batch norm over the real tokens only; trained with sequences padded to 12 or to 32. Then the same 32 sequences with
more padding: rms change of the logits over their deviation, in both modes.

Changes: padding that never changes, and evaluation mode, whose statistics do not see the batch.
"""

import minigrad as mg
from minigrad import nn, optim
from minigrad.diagnose.measure import column, spread
from minigrad.labs import Run, band, main

LONGEST, SYMBOLS, WIDE = 12, 4, 24
KINDS = {"layer norm": "tab:green", "batch norm": "tab:blue", "batch norm, real tokens": "tab:cyan"}


def sequences(cases: int) -> tuple[mg.Tensor, mg.Tensor]:
    """Tokens 1 ... 4 (N, 12), 0 where a sequence has ended, and the most frequent one less 1 (the first of several)."""
    tokens = mg.randint(1, SYMBOLS + 1, (cases, LONGEST))
    lengths = mg.randint(4, LONGEST + 1, (cases, 1))
    tokens = mg.where(mg.arange(LONGEST) < lengths, tokens, 0)
    counts = mg.stack([(tokens == s).sum(1) for s in range(1, SYMBOLS + 1)], 1)
    return tokens, counts.argmax(1)


def padded(tokens: mg.Tensor, length: int) -> mg.Tensor:
    return nn.functional.pad(tokens, (0, length - tokens.shape[1]))


class Normalized(nn.Module):
    """The normalization of (N, L, C), as `kind` says; `real` (N, L) are the places that are not padding."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.layer = kind, nn.LayerNorm(WIDE) if kind == "layer norm" else nn.BatchNorm1d(WIDE)

    def forward(self, x: mg.Tensor, real: mg.Tensor) -> mg.Tensor:
        if self.kind == "layer norm":
            return self.layer(x)
        rows = x.flatten(0, 1)
        if self.kind == "batch norm":
            return self.layer(rows).reshape(x.shape)
        places = real.flatten().nonzero().flatten()
        return mg.zeros_like(rows).index_copy(0, places, self.layer(rows[places])).reshape(x.shape)


class Transformer(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS + 1, WIDE)
        self.attend = nn.MultiheadAttention(WIDE, 2, batch_first=True)
        self.think = nn.Sequential(nn.Linear(WIDE, 2 * WIDE), nn.ReLU(), nn.Linear(2 * WIDE, WIDE))
        self.norms = nn.ModuleList([Normalized(kind) for _ in range(3)])
        self.tell = nn.Linear(WIDE, SYMBOLS)

    def forward(self, tokens: mg.Tensor) -> mg.Tensor:
        real = tokens != 0
        x = self.embed(tokens)
        y = self.norms[0](x, real)
        x = x + self.attend(y, y, y, key_padding_mask=tokens == 0, need_weights=False)[0]
        x = x + self.think(self.norms[1](x, real))
        share = real.float()[:, :, None]
        return self.tell((self.norms[2](x, real) * share).sum(1) / share.sum(1))


def measure(run: Run) -> None:
    lengths = [LONGEST, 16, 24, 32]

    def cell(kind: str, trained_at: int, seed: int) -> dict:
        model = Transformer(kind).to(run.device)
        adam = optim.Adam(model.parameters(), lr=0.003)
        for _ in range(run.pick(100, 60)):
            tokens, y = (t.to(run.device) for t in sequences(32))
            adam.zero_grad()
            nn.functional.cross_entropy(model(padded(tokens, trained_at)), y).backward()
            adam.step()
        tokens, y = (t.to(run.device) for t in sequences(256))
        found = {}
        with mg.no_grad():
            for name, training in (("evaluation", False), ("training", True)):
                model.eval()
                for layer in model.modules():
                    if isinstance(layer, nn.BatchNorm1d):
                        layer.train(training)
                        layer.momentum = 0.0
                told = [mg.cat([model(padded(part, length)) for part in tokens.split(32)]) for length in lengths]
                found[f"accuracy {name}"] = [(t.argmax(1) == y).float().mean().item() for t in told]
                found[f"change {name}"] = [((t - told[0]).square().mean().sqrt() / told[0].std()).item() for t in told]
        return found

    cells = run.sweep(cell, kind=list(KINDS), trained_at=run.pick([LONGEST, 32], [LONGEST]), seed=run.seeds)
    run.keep(cells=cells, lengths=lengths)
    rows = []
    for kind in KINDS:
        for trained_at in sorted({c["trained_at"] for c in cells}):
            here = {"kind": kind, "trained_at": trained_at}
            names = ("accuracy evaluation", "accuracy training", "change evaluation", "change training")
            told = {n: [spread(v)["median"] for v in zip(*column(cells, n, **here), strict=True)] for n in names}
            rows.append([f"{kind}, trained at {trained_at}", told["accuracy evaluation"][0], told["change evaluation"][-1],
                         told["accuracy training"][0], told["accuracy training"][-1], told["change training"][-1]])  # fmt: skip
            for mode in ("evaluation", "training"):
                change = told[f"change {mode}"][-1]
                run.check("more padding leaves the logits as they are (to 0.1 %)", change < 1e-3,
                          f"{kind}, {mode} mode, trained at {trained_at}", change=change)  # fmt: skip
    for trained_at in sorted({c["trained_at"] for c in cells}):
        reached = {k: column(cells, "accuracy evaluation", kind=k, trained_at=trained_at) for k in KINDS}
        layer, batch, real = ([seen[0] for seen in reached[k]] for k in KINDS)
        for name, other in (("all positions", batch), ("real tokens", real)):
            run.ahead("layer norm is more accurate than batch norm (by a point)", f"{name}, padded to {trained_at}", 0.01,
                      layer=layer, batch=other)  # fmt: skip
    run.table(["", "accuracy", "change at 32", "training mode: accuracy at 12", "at 32", "change at 32"], rows,
              "The same sequences with more padding")  # fmt: skip

    def draw(left, right):
        for kind, color in KINDS.items():
            for ax, name in ((left, "change training"), (right, "accuracy training")):
                runs = column(cells, name, kind=kind, trained_at=LONGEST)
                band(ax, lengths, runs, f"{kind}, training mode", color=color, marker="o")
            told = column(cells, "accuracy evaluation", kind=kind, trained_at=LONGEST)
            band(right, lengths, told, f"{kind}, evaluation", color=color, linestyle=":")
        left.set(xlabel="the same sequences, padded to", ylabel="rms change of the logits / their deviation")
        right.set(xlabel="the same sequences, padded to (trained at 12)", ylabel="accuracy", ylim=(0, 1.03))
        left.legend()
        right.legend(fontsize=8)

    run.draw(draw, columns=2, size=(12, 4.4))


if __name__ == "__main__":
    main(measure, seeds=8)
