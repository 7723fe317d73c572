"""A multi-layer perceptron with batch norm learns handwritten digits, in a few seconds.

Run it by: python examples/mlp_digits.py --epochs 20
"""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, digits

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=20, help="passes over the training digits (default: %(default)s)")
parser.add_argument("--lr", type=float, default=0.05, help="learning rate of SGD (default: %(default)s)")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/mlp_digits"), help="folder to write to")
args = parser.parse_args()

mg.manual_seed(args.seed)
train, test = digits(flat=True)  # images (N, 64) in [0, 1], labels (N,)
test_images, test_labels = test.tensors

model = nn.Sequential(
    nn.Linear(64, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
loss_of = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)

for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for images, labels in DataLoader(train, batch_size=32, shuffle=True):
        loss = loss_of(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)

    model.eval()
    with mg.no_grad():
        accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
    print(f"epoch {epoch + 1:2}: loss {total / len(train):.4f}, held-out accuracy {accuracy:.2%}")

args.out.mkdir(parents=True, exist_ok=True)
mg.save(model.state_dict(), args.out / "model.safetensors")
model.train()
loss = loss_of(model(test_images[:8]), test_labels[:8])
mg.viz.draw(loss, args.out / "graph.svg", names=dict(model.named_parameters()))
print(f"wrote {args.out / 'model.safetensors'} and a picture of the graph behind the loss, {args.out / 'graph.svg'}")
