import torch
from start import report

xy = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.LBFGS([xy], lr=1, max_iter=5, line_search_fn="strong_wolfe")
losses = []


def closure():
    optimizer.zero_grad()
    loss = (1 - xy[0]) ** 2 + 100 * (xy[1] - xy[0] ** 2) ** 2
    loss.backward()
    return loss


for _ in range(5):
    losses.append(optimizer.step(closure).item())
report(losses)
