"""Draws batch normalization: as one node, and opened into the steps it is made of, forward and backward.

Run it by: python examples/draw_batchnorm.py --format png
"""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import nn

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--batch", type=int, default=4, help="cases in the batch (default: %(default)s)")
parser.add_argument("--features", type=int, default=3, help="features, normalised one by one (default: %(default)s)")
parser.add_argument("--format", default="svg", choices=["svg", "png", "pdf", "dot"], help="default: %(default)s")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/draw_batchnorm"), help="folder to write to")
args = parser.parse_args()

mg.manual_seed(args.seed)
bn = nn.BatchNorm1d(args.features, track_running_stats=False)
x = mg.randn(args.batch, args.features, requires_grad=True)

with mg.record(x=x) as program:  # keeps every call, forward and backward
    y = bn(x)
    y.backward(mg.randn(args.batch, args.features))

names = {"γ": bn.weight, "β": bn.bias}
args.out.mkdir(parents=True, exist_ok=True)
for path, drawing in {
    f"closed.{args.format}": mg.viz.draw(program, names=names, backward=False, direction="LR"),
    f"forward.{args.format}": mg.viz.draw(program, names=names, backward=False, direction="LR", decompose=True),
    f"opened.{args.format}": mg.viz.draw(program, names=names, backward=True, decompose=True, values=True, gradients=True),
}.items():
    print("wrote", drawing.save(args.out / path))

# The same by hand: the picture's steps, and their result.
mean = x.mean(0, keepdim=True)
centre = x - mean
variance = (centre**2).mean(0, keepdim=True)
by_hand = centre / (variance + bn.eps).sqrt() * bn.weight + bn.bias
print("largest difference to the steps written by hand:", (y - by_hand).abs().max().item())
