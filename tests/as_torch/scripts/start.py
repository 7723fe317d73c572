"""What the scripts share: first weights and toy data from NumPy's generator, so that every library starts equal."""

import numpy as np


def fill(model, seed=0, scale=1.0):
    """Set every parameter of a model: weights normal, of PyTorch's usual size; scales of norms near 1, biases near 0."""
    rng = np.random.default_rng(seed)
    for name, p in model.named_parameters():
        fan = int(np.prod(p.shape[1:])) if p.dim() > 1 else 100
        values = rng.normal(size=tuple(p.shape)) * scale / fan**0.5
        if p.dim() == 1 and name.endswith("weight"):
            values = values + 1
        p.data.copy_(p.new_tensor(values.astype("float32")))
    return model


def images(n=32, channels=1, size=12, classes=4, seed=0):
    """Noisy images with a bright patch whose place is the class; (float32 images, int64 labels)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    x = rng.normal(size=(n, channels, size, size)) * 0.3
    half = size // 2
    for i, label in enumerate(labels):
        row, column = divmod(int(label), 2)
        x[i, :, row * half : row * half + half, column * half : column * half + half] += 1
    return x.astype("float32"), labels


def points(n=64, seed=0):
    """Two interleaved arcs in the plane; (float32 points, int64 labels)."""
    rng = np.random.default_rng(seed)
    t, labels = rng.uniform(0, np.pi, n), np.arange(n) % 2
    x = np.stack([np.cos(t) + labels, np.sin(t) * (1 - 2 * labels) + 0.3 * labels], axis=1)
    return (x + rng.normal(size=x.shape) * 0.1).astype("float32"), labels


def report(losses):
    """Print the losses, as the last thing of a script."""
    print("losses", " ".join(f"{float(loss):.7g}" for loss in losses))
