"""A small network bends a line around two moons, shown as text while it learns, and as a picture at the end.

Run it by: python examples/two_moons.py --noise 0.15
"""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import two_moons

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=400, help="steps of gradient descent (default: %(default)s)")
parser.add_argument("--noise", type=float, default=0.1, help="standard deviation of the points (default: %(default)s)")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/two_moons"), help="folder to write to")
args = parser.parse_args()

mg.manual_seed(args.seed)
points, labels = two_moons(200, args.noise).tensors  # (200, 2), (200,)
target = labels.float().unsqueeze(1)
model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.AdamW(model.parameters(), lr=0.02)
loss_of = nn.BCEWithLogitsLoss()

# a grid over the plane, for the pictures: y goes down by rows, x to the right
across, down = mg.linspace(-1.5, 2.5, 64), mg.linspace(1.25, -0.75, 18)
grid = mg.stack([across.expand(18, 64), down.unsqueeze(1).expand(18, 64)], -1)  # (18, 64, 2)


@mg.no_grad()
def as_text() -> str:
    """The plane: where the model says 1 (#), where 0 (.), and where it is in two minds (blank)."""
    chances = model(grid.reshape(-1, 2)).sigmoid().reshape(18, 64).tolist()
    return "\n".join("".join("#" if p > 0.8 else "." if p < 0.2 else " " for p in row) for row in chances)


for step in range(args.steps + 1):
    scores = model(points)
    loss = loss_of(scores, target)
    if step % max(args.steps // 2, 1) == 0:
        accuracy = ((scores > 0) == (target > 0.5)).float().mean().item()
        print(f"{as_text()}\nstep {step}: loss {loss.item():.4f}, accuracy {accuracy:.1%}\n")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

args.out.mkdir(parents=True, exist_ok=True)
try:
    from matplotlib.figure import Figure
except ImportError:
    print("no picture is written, matplotlib is missing. Hint: pip install matplotlib")
else:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    with mg.no_grad():
        chances = model(grid.reshape(-1, 2)).sigmoid().reshape(18, 64)
    axes.contourf(across.numpy(), down.numpy(), chances.numpy(), levels=20, cmap="coolwarm", alpha=0.7)
    axes.scatter(*points.numpy().T, c=labels.numpy(), cmap="coolwarm", edgecolors="black", s=20)
    axes.set_aspect("equal")
    figure.savefig(args.out / "moons.png", dpi=150)
    print(f"wrote {args.out / 'moons.png'}")
