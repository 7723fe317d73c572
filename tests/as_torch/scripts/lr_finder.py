import copy

import torch
import torch.nn as nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR
from start import fill, points, report

x, y = points()
x, y = torch.tensor(x), torch.tensor(y)
model = fill(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)))
state = copy.deepcopy(model.state_dict())
optimizer = SGD(model.parameters(), lr=1e-3)
scheduler = LambdaLR(optimizer, lr_lambda=lambda step: 10 ** (step / 5))
lrs, losses, best = [], [], float("inf")
for step in range(20):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(model(x), y)
    loss.backward()
    optimizer.step()
    lrs.append(optimizer.param_groups[0]["lr"])
    scheduler.step()
    losses.append(loss.item())
    best = min(best, losses[-1])
    if losses[-1] > 4 * best:
        break
model.load_state_dict(state)
losses.append(nn.CrossEntropyLoss()(model(x), y).item())
print(f"tried {len(lrs)} rates from {lrs[0]:.3g} to {lrs[-1]:.3g}")
report(losses[:12] + losses[-1:])
