# Softmax regression from scratch; in-place writes into probabilities as in lecture notes.
import torch
from start import images, report

x, y = images(n=32)
X, y = torch.tensor(x).reshape(32, -1), torch.tensor(y)
W = torch.zeros(144, 4)
b = torch.zeros(4)
n = X.shape[0]
losses = []
for step in range(20):
    scores = X.mm(W) + b
    scores -= scores.max(dim=1, keepdim=True).values
    probs = torch.exp(scores) / torch.exp(scores).sum(dim=1, keepdim=True)
    loss = -torch.log(probs[range(n), y]).mean() + 1e-3 * torch.sum(W * W)
    dscores = probs.clone()
    dscores[range(n), y] -= 1
    dscores /= n
    W -= 0.1 * (X.t().mm(dscores) + 2e-3 * W)
    b -= 0.1 * dscores.sum(0)
    losses.append(loss)
acc = (torch.argmax(X @ W + b, dim=1) == y).float().mean()
print(f"accuracy {acc:.2f}, classes {torch.bincount(y, minlength=4).tolist()}, {int(acc * 100)}%")
report(losses[::4])
