"""The pictures of the documentation: `python -m minigrad.gallery [folder]` draws them all, and the page that shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import minigrad as mg
from minigrad import nn, optim
from minigrad.command import command
from minigrad.nn import functional as F
from minigrad.trace import Program, record
from minigrad.viz import Drawing, draw


def norm_program(layer: Callable[..., mg.Tensor], shape: tuple[int, ...], size: int) -> tuple[Program, dict[str, mg.Tensor]]:
    """A normalization run forward and backward on random numbers, and the names of its tensors."""
    x = mg.randn(shape).requires_grad_()
    gamma = mg.randn(size).mul(0.3).add(1).requires_grad_()
    beta = mg.randn(size).mul(0.2).requires_grad_()
    with record(x=x) as program:
        y = layer(x, gamma, beta)
        y.backward(mg.randn(shape))
    return program, {"x": x, "γ": gamma, "β": beta, "y": y}


def batchnorm(x: mg.Tensor, gamma: mg.Tensor, beta: mg.Tensor) -> mg.Tensor:
    return F.batch_norm(x, None, None, gamma, beta, training=True)


def layernorm(x: mg.Tensor, gamma: mg.Tensor, beta: mg.Tensor) -> mg.Tensor:
    return F.layer_norm(x, (3,), gamma, beta)


def closed() -> Drawing:
    """Batch norm as one node: what the network sees of it."""
    program, names = norm_program(batchnorm, (4, 3, 2, 2), 3)
    return draw(program, names=names, backward=False, direction="LR", title="Batch normalization, closed")


def forward() -> Drawing:
    """Batch norm opened down to its primitives, forward only."""
    program, names = norm_program(batchnorm, (4, 3, 2, 2), 3)
    return draw(program, names=names, decompose=True, backward=False, direction="LR", title="Batch normalization, opened")


def poster() -> Drawing:
    """Batch norm, forward in black and backward in red, with the numbers in it. Two gradients meet in the input, and two in
    the centred values: the direct path, and those through the variance and the mean."""
    program, names = norm_program(batchnorm, (4, 3, 2, 2), 3)
    return draw(program, names=names, decompose=True, backward=True, values=True, gradients=True,
                title="Batch normalization:  y = γ (x − μ) / √(σ² + ε) + β")  # fmt: skip


def layer() -> Drawing:
    """Layer norm opened, forward and backward: the same circuit, but mean and variance belong to a case, not to a channel."""
    program, names = norm_program(layernorm, (4, 3), 3)
    return draw(program, names=names, decompose=True, backward=True, values=True, gradients=True,
                title="Layer normalization:  y = γ (x − μ) / √(σ² + ε) + β")  # fmt: skip


def softmax() -> Drawing:
    """Softmax and cross entropy opened, forward and backward. The largest score is taken out first; no gradient flows
    there."""
    x, target = mg.randn(4, 3).requires_grad_(), mg.randint(0, 3, (4,))
    with record(x=x, target=target) as program:
        loss = F.cross_entropy(x, target)
        loss.backward()
    return draw(program, names={"loss": loss}, decompose=True, backward=True, title="Softmax and cross entropy")


def mlp() -> Drawing:
    """A small network, its modules as boxes."""
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    x, target = mg.randn(32, 8), mg.randint(0, 3, (32,))
    with record(x=x, target=target) as program:
        loss = F.cross_entropy(model(x), target)
    return draw(program, names={"loss": loss}, title="A multilayer perceptron")


def mode(training: bool, opened: bool) -> Drawing:
    """A batch norm layer in training or evaluation."""
    layer = nn.BatchNorm2d(3).train(training)
    with record(x=(x := mg.randn(4, 3, 2, 2))) as program:
        y = layer(x)
    title = f"BatchNorm2d in {'training' if training else 'evaluation'}, {'opened' if opened else 'closed'}"
    return draw(program, names={"y": y}, decompose=opened, direction="LR", title=title)


def conv() -> Drawing:
    """A convolution, forward and backward: both of its derivatives are convolutions again."""
    layer = nn.Conv2d(3, 8, 3, padding=1)
    with record(x=(x := mg.randn(4, 3, 8, 8).requires_grad_())) as program:
        y = layer(x)
        y.backward(mg.randn(4, 8, 8, 8))
    return draw(program, names={"y": y}, backward=True, values=True, gradients=True, title="Conv2d(3, 8, 3, padding=1)")


class Residual(nn.Module):
    """y = relu(x + bn(conv(relu(bn(conv(x))))))"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(x + y)


def residual() -> Drawing:
    """A residual block, each of its layers as one node. The gradient reaches the input twice: around the layers, and through
    them."""
    block = Residual(16)
    with record(x=(x := mg.randn(8, 16, 8, 8).requires_grad_())) as program:
        y = block(x)
        y.sum().backward()
    return draw(program, names={"y": y}, depth=1, backward=True, memory=True, title="A residual block")


def lstm() -> Drawing:
    """One step of an LSTM: input, forget and output gate, the new cell and the new state."""
    cell = nn.LSTMCell(4, 3)
    x, h, c = mg.randn(2, 4), mg.randn(2, 3), mg.randn(2, 3)
    with record(x=x, h=h, c=c) as program:
        new_h, new_c = cell(x, (h, c))
    return draw(program, names={"new h": new_h, "new c": new_c}, title="One step of an LSTM")


def deep() -> Drawing:
    """A network of 18 residual blocks, a few hundred calls: equal blocks in a row are drawn once, as ×N."""
    blocks = [nn.Sequential(*(Residual(c) for _ in range(6))) for c in (8, 16, 32)]
    downs = [nn.Conv2d(a, b, 2, stride=2) for a, b in ((8, 16), (16, 32))]
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), blocks[0], downs[0], blocks[1], downs[1], blocks[2],
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))  # fmt: skip
    with record(x=(x := mg.randn(2, 3, 16, 16))) as program:
        y = model(x)
    return draw(program, names={"y": y}, depth=2, title="18 residual blocks", memory=True)


def step() -> Drawing:
    """A whole training step: the gradients (red) go into the optimizer's updates, which write the parameters."""
    model = nn.Linear(4, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x, target = mg.randn(8, 4), mg.randn(8, 1)
    with record(x=x, target=target, statistics=True) as program:
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
    return draw(program, names={"loss": loss}, backward=False, updates=True, values=True, title="A training step with SGD")


PICTURES: dict[str, Callable[[], Drawing]] = {
    "batchnorm_closed": closed,
    "batchnorm_forward": forward,
    "batchnorm": poster,
    "batchnorm_train": lambda: mode(True, False),
    "batchnorm_train_opened": lambda: mode(True, True),
    "batchnorm_eval": lambda: mode(False, False),
    "batchnorm_eval_opened": lambda: mode(False, True),
    "layernorm": layer,
    "conv2d": conv,
    "softmax_cross_entropy": softmax,
    "residual": residual,
    "lstm": lstm,
    "mlp": mlp,
    "deep": deep,
    "step": step,
}
ABOUT = {
    "batchnorm_train": "A batch norm layer in training: besides its output it moves the running statistics (dashed).",
    "batchnorm_train_opened": "The same opened: the running statistics' path leaves from the mean and the variance.",
    "batchnorm_eval": "In evaluation the running statistics are inputs like any other, and nothing is written.",
    "batchnorm_eval_opened": "The same opened: a fixed scale and shift of each channel.",
}


def main(folder: str = "docs/pictures", suffix: str = "svg", page: str = "docs/gallery.md") -> None:
    """Draw every picture into a folder; with the SVGs of the documentation, write their page too."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        mg.manual_seed(0)
        print(picture().save(Path(folder) / f"{name}.{suffix}"))
    if (folder, suffix) == ("docs/pictures", "svg"):
        Path(page).write_text(gallery_page())
        print(page)


def gallery_page() -> str:
    """The page that shows the pictures, in Markdown."""
    parts = ["# Gallery", "`make gallery` draws these pictures and writes this page; the code is in "
             "[gallery.py](../minigrad/gallery.py)."]  # fmt: skip
    for name, picture in PICTURES.items():
        about = ABOUT.get(name) or " ".join((picture.__doc__ or "").split())
        parts.append(f"## {name.replace('_', ' ')}\n\n{about}\n\n![{name}](pictures/{name}.svg)")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    command(main)
