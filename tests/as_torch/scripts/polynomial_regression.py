# y = sin(x) by a third-order polynomial: nn.Sequential with Flatten, sum of squares, RMS-free SGD.
import math

import torch
from start import fill, report

x = torch.linspace(-math.pi, math.pi, 200)
y = torch.sin(x)
p = torch.tensor([1, 2, 3])
xx = x.unsqueeze(-1).pow(p)
model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1))
fill(model)
loss_fn = torch.nn.MSELoss(reduction="sum")
losses = []
for t in range(100):
    y_pred = model(xx)
    loss = loss_fn(y_pred, y)
    if t % 20 == 0:
        print(t, loss.item())
        losses.append(loss.item())
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for param in model.parameters():
            param -= 1e-6 * param.grad
report(losses)
