# Linear regression, the textbook's mini-batch way: a generator of batches and sgd() as a function.
import random

import numpy as np
import torch
from start import report

rng = np.random.default_rng(2)
features = torch.tensor(rng.normal(size=(64, 2)), dtype=torch.float32)
labels = torch.matmul(features, torch.tensor([2, -3.4])) + 4.2
labels = labels.reshape((-1, 1))


def data_iter(batch_size, features, labels):
    indices = list(range(len(features)))
    random.Random(0).shuffle(indices)
    for i in range(0, len(indices), batch_size):
        batch = torch.tensor(indices[i : min(i + batch_size, len(indices))])
        yield features[batch], labels[batch]


def linreg(X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


w = torch.zeros((2, 1)).requires_grad_(True)
b = torch.zeros(1, requires_grad=True)
losses = []
for epoch in range(4):
    for X, y in data_iter(10, features, labels):
        squared_loss(linreg(X, w, b), y).sum().backward()
        sgd([w, b], 0.05, 10)
    with torch.no_grad():
        train_l = squared_loss(linreg(features, w, b), labels)
        print(f"epoch {epoch + 1}, loss {float(train_l.mean()):f}")
        losses.append(train_l.mean())
report(losses)
