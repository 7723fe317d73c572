"""Trains a small network on the digits while a page shows what each layer does, and draws plots of the result.

Run it by: python examples/watch_training.py --serve, and open the address that it prints; or without --serve, and open
runs/watch_training/watch.html afterwards.
"""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import data, nn, optim, train, viz
from minigrad.viz import plots

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=5, help="passes over the data (default: %(default)s)")
parser.add_argument("--every", type=int, default=10, help="which steps are watched (default: one in %(default)s)")
parser.add_argument("--serve", action="store_true", help="serve the page on this machine while training")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/watch_training"), help="folder to write to")
args = parser.parse_args()

args.out.mkdir(parents=True, exist_ok=True)
mg.manual_seed(args.seed)
digits, held_out = data.digits()
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10),
)  # fmt: skip
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loader = data.DataLoader(digits, batch_size=64, shuffle=True)
with viz.watch(model, args.out / "watch.html", every=args.every, serve=args.serve, title="Digits") as seen:
    history = train.fit(model, nn.CrossEntropyLoss(), optimizer, loader, data.DataLoader(held_out, batch_size=450),
                        epochs=args.epochs, metric=train.accuracy, watch=seen)  # fmt: skip

images, classes = held_out.tensors
with mg.no_grad():
    scores = model.eval()(images)
plots.learning_curves(history).savefig(args.out / "curves.png")
plots.gradient_flow(seen).savefig(args.out / "gradients.png")
plots.confusion_matrix(classes, scores).savefig(args.out / "confusion.png")
print(f"wrote the page and the plots to {args.out}")
