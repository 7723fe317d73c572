# Linear regression by hand: no module, no optimizer.
import numpy as np
import torch
from start import report

rng = np.random.default_rng(1)
X = torch.from_numpy(rng.normal(size=(100, 3)).astype(np.float32))
true_w = torch.tensor([[2.0], [-1.0], [0.5]])
y = X @ true_w + 0.7 + 0.01 * torch.from_numpy(rng.normal(size=(100, 1)).astype(np.float32))

w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 0.1
losses = []
for epoch in range(40):
    y_hat = torch.mm(X, w) + b
    loss = ((y_hat - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    losses.append(loss.item())
print("w =", w.detach().numpy().ravel().round(2), "b =", round(b.item(), 2))
report(losses[::8])
