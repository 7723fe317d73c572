"""A convolutional network with batch norm learns handwritten digits; then its first filters are drawn.

Run it by: python examples/cnn_digits.py --epochs 8
"""

import argparse
from pathlib import Path

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, digits

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=8, help="passes over the training digits (default: %(default)s)")
parser.add_argument("--lr", type=float, default=0.005, help="learning rate of Adam (default: %(default)s)")
parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
parser.add_argument("--out", type=Path, default=Path("runs/cnn_digits"), help="folder to write to")
args = parser.parse_args()

mg.manual_seed(args.seed)
train, test = digits()  # images (N, 1, 8, 8) in [0, 1], labels (N,)


class Net(nn.Module):
    """Two convolutions, each normalised and halved in size, then a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 2)  # (N, 16, 4, 4)
        x = nn.functional.max_pool2d(self.bn2(self.conv2(x)).relu(), 2)  # (N, 32, 2, 2)
        return self.head(x.flatten(1))


model = Net()
optimizer = optim.Adam(model.parameters(), lr=args.lr)
print(model)

for epoch in range(args.epochs):
    model.train()
    total, seen = 0.0, 0
    for images, labels in DataLoader(train, batch_size=32, shuffle=True, drop_last=True):
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, seen = total + loss.item() * len(labels), seen + len(labels)

    model.eval()
    with mg.no_grad():
        images, labels = test.tensors
        accuracy = (model(images).argmax(1) == labels).float().mean().item()
    print(f"epoch {epoch + 1:2}: loss {total / seen:.4f}, held-out accuracy {accuracy:.2%}")

args.out.mkdir(parents=True, exist_ok=True)
mg.save(model.state_dict(), args.out / "model.safetensors")
print(f"wrote {args.out / 'model.safetensors'}")
try:
    from matplotlib.figure import Figure
except ImportError:
    print("the filters are not drawn, matplotlib is missing. Hint: pip install matplotlib")
else:
    figure = Figure(figsize=(6, 1.7), layout="constrained")
    for weight, axes in zip(model.conv1.weight.detach().numpy(), figure.subplots(2, 8).flat, strict=True):
        axes.imshow(weight[0], cmap="gray")
        axes.axis("off")
    figure.savefig(args.out / "filters.png", dpi=150)
    print(f"wrote {args.out / 'filters.png'}, the 16 filters of the first convolution")
