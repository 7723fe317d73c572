"""A small GPT learns to write Python, one character at a time, from modules of Python's own standard library.

Run it by: python examples/gpt_characters.py --steps 1000, or with a text of your own: --text FILE. It takes about a minute,
prints the held-out loss beside that of a table of character pairs, and what the net writes.
"""

import argparse
import inspect
import json.decoder
import math
import textwrap
from collections import Counter
from pathlib import Path

from tqdm import trange

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--text", type=Path, help="a text file to learn from (default: three modules of the standard library)")
parser.add_argument("--steps", type=int, default=1000, help="batches to train on (default: %(default)s)")
parser.add_argument("--width", type=int, default=64, help="numbers a character becomes (default: %(default)s)")
parser.add_argument("--layers", type=int, default=2, help="blocks of attention and MLP (default: %(default)s)")
parser.add_argument("--heads", type=int, default=4, help="heads of attention (default: %(default)s)")
parser.add_argument("--context", type=int, default=64, help="characters the net sees (default: %(default)s)")
parser.add_argument("--batch", type=int, default=16, help="pieces of text in a batch (default: %(default)s)")
parser.add_argument("--lr", type=float, default=3e-3, help="largest learning rate of AdamW (default: %(default)s)")
parser.add_argument("--write", type=int, default=400, help="characters to write at the end (default: %(default)s)")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/gpt_characters"), help="folder to write to")
args = parser.parse_args()

mg.manual_seed(args.seed)
try:
    text = args.text.read_text("utf-8") if args.text else "".join(map(inspect.getsource, (textwrap, json.decoder, argparse)))
except (OSError, UnicodeDecodeError) as error:
    parser.error(f"--text: {error}")
alphabet = sorted(set(text))
number = {character: i for i, character in enumerate(alphabet)}
numbers = mg.tensor([number[character] for character in text])
split = len(numbers) * 9 // 10
learned, held_out = numbers[:split], numbers[split:]
if len(held_out) <= args.context:
    parser.error(f"the last tenth of the text is held out: {len(held_out)} characters, not more than --context {args.context}")
if args.width % args.heads:
    parser.error(f"--width must be a multiple of --heads, got {args.width} and {args.heads}")


class Attention(nn.Module):
    """Each character takes a mean of what those before it have to say, in several heads."""

    def __init__(self) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(args.width, 3 * args.width), nn.Linear(args.width, args.width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, args.heads, -1).transpose(1, 2) for part in self.inward(x).split(width, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.outward(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and an MLP, each behind a layer norm and added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.LayerNorm(args.width), Attention())
        mlp = nn.Linear(args.width, 4 * args.width), nn.GELU(), nn.Linear(4 * args.width, args.width)
        self.think = nn.Sequential(nn.LayerNorm(args.width), *mlp)

    def forward(self, x):
        x = x + self.look(x)
        return x + self.think(x)


class GPT(nn.Module):
    """Scores for the next character at each place of a text (N, L), as (N, L, letters)."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(len(alphabet), args.width), nn.Embedding(args.context, args.width)
        self.blocks = nn.Sequential(*(Block() for _ in range(args.layers)))
        self.scores = nn.Sequential(nn.LayerNorm(args.width), nn.Linear(args.width, len(alphabet)))

    def forward(self, x):
        return self.scores(self.blocks(self.letters(x) + self.places(mg.arange(x.shape[1]))))


def pieces(part, starts):
    """The texts of `part` that begin at `starts`, and for each place of them the character that comes next."""
    windows = mg.stack([part[s : s + args.context + 1] for s in starts])
    return windows[:, :-1], windows[:, 1:]


def loss_on(model, x, target):
    return F.cross_entropy(model(x).flatten(0, 1), target.flatten())


@mg.no_grad()
def tested(model):
    """The loss on the held-out text, in bits a character."""
    starts = range(0, len(held_out) - args.context, args.context)
    total = 0.0
    for i in range(0, len(starts), 64):
        total += loss_on(model, *pieces(held_out, starts[i : i + 64])).item() * len(starts[i : i + 64])
    return total / len(starts) / math.log(2)


def of_pairs():
    """The same for a table that counts which character follows which."""
    known, all_ = Counter(zip(text[:split], text[1:split], strict=False)), Counter(text[: split - 1])
    chances = (
        (known[a, b] + 0.1) / (all_[a] + 0.1 * len(alphabet)) for a, b in zip(text[split:], text[split + 1 :], strict=False)
    )
    return -sum(map(math.log2, chances)) / (len(text) - split - 1)


@mg.no_grad()
def written(model, start, count):
    """`start`, and what the net writes behind it: each character drawn from its scores."""
    x = mg.tensor([[number[character] for character in start]])
    for _ in trange(count, desc="writing", unit="character", leave=False):
        chances = F.softmax(model(x[:, -args.context :])[:, -1], dim=1)
        x = mg.cat([x, mg.multinomial(chances, 1)], dim=1)
    return "".join(alphabet[i] for i in x[0].tolist())


model = GPT()
optimizer = optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.steps)
print(f"{len(text):,} characters, {len(alphabet)} different ones; {sum(p.numel() for p in model.parameters()):,} parameters")
losses = []
for _ in (bar := trange(args.steps, unit="step")):
    x, target = pieces(learned, mg.randint(0, len(learned) - args.context, (args.batch,)).tolist())
    loss = loss_on(model, x, target)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    losses.append(loss.item())
    bar.set_postfix(bits=f"{sum(losses[-50:]) / len(losses[-50:]) / math.log(2):.2f}")

bits, pairs, none = tested(model), of_pairs(), math.log2(len(alphabet))
print(f"held out: {bits:.2f} bits a character; by a table of pairs {pairs:.2f}, knowing nothing {none:.2f}")
args.out.mkdir(parents=True, exist_ok=True)
mg.save(model.state_dict(), args.out / "model.safetensors")
story = written(model, text[0] if args.text else "    def ", args.write)
(args.out / "written.txt").write_text(story, "utf-8")
print(f"{story}\n\nwrote model.safetensors and written.txt to {args.out}")
