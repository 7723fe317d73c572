"""Writes a page in which batch normalization can be opened, stepped through and read: forward, backward, every number.

Run it by: python examples/explore_batchnorm.py, and open runs/explore_batchnorm/batchnorm.html in a browser. A second page
there shows a network with batch norm and without on one graph.
"""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import nn, viz
from minigrad.nn import functional as F
from minigrad.trace import Program

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--batch", type=int, default=4, help="cases in the batch (default: %(default)s)")
parser.add_argument("--features", type=int, default=2, help="features, normalised one by one (default: %(default)s)")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/explore_batchnorm"), help="folder to write to")
args = parser.parse_args()


def layer() -> Program:
    """One step of batch norm alone, recorded forward and backward."""
    x, target = (mg.randn(args.batch, args.features) for _ in range(2))
    norm = nn.BatchNorm1d(args.features)
    with mg.record(x=x.requires_grad_(), target=target, statistics=True) as program:
        F.mse_loss(norm(x), target).backward()
    return program


def network(*norms: nn.Module) -> Program:
    """A training step of a small network, with these layers between its two linear ones."""
    mg.manual_seed(args.seed)
    model = nn.Sequential(nn.Linear(8, 16), *norms, nn.ReLU(), nn.Linear(16, 3))
    optimizer = mg.optim.SGD(model.parameters(), lr=0.1)
    x, target = mg.randn(32, 8), mg.randint(0, 3, (32,))
    with mg.record(x=x, target=target, statistics=True) as program:
        F.cross_entropy(model(x), target).backward()
        optimizer.step()
    return program


args.out.mkdir(parents=True, exist_ok=True)
mg.manual_seed(args.seed)
print("wrote", viz.explore(layer(), args.out / "batchnorm.html", title="Batch normalization"))
pair = network(nn.BatchNorm1d(16)), network()
names = ("with batch norm", "without")
print("wrote", viz.explore(pair[0], args.out / "compared.html", compare=pair[1], names=names, title="With and without"))
