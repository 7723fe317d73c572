# Normalization layers side by side.
import torch
import torch.nn as nn
from start import fill, images, report

x, y = images(n=12, channels=4, size=8)
x, y = torch.tensor(x), torch.tensor(y)
losses = []
for norm in (lambda c: nn.GroupNorm(2, c), nn.InstanceNorm2d, lambda c: nn.BatchNorm2d(c, momentum=None), lambda c: nn.LayerNorm([c, 8, 8])):
    net = fill(nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), norm(8), nn.LeakyReLU(0.1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(128, 4)))
    opt = torch.optim.Adam(net.parameters(), lr=5e-3, amsgrad=True)
    for _ in range(3):
        opt.zero_grad()
        loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 1.0, 0.5]))(net(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
report(losses)
