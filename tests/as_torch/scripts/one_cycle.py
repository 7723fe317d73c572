import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau
from start import fill, points, report

x, y = map(torch.from_numpy, points())
losses = []
for kind in (OneCycleLR, CosineAnnealingLR, ReduceLROnPlateau):
    model = fill(nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ELU(), nn.Linear(16, 2)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    if kind is OneCycleLR:
        scheduler = OneCycleLR(optimizer, max_lr=0.5, total_steps=10)
    elif kind is CosineAnnealingLR:
        scheduler = CosineAnnealingLR(optimizer, T_max=10)
    else:
        scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=0, threshold=0.5)
    for step in range(8):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step(loss.item()) if kind is ReduceLROnPlateau else scheduler.step()
        losses += [loss.item(), optimizer.param_groups[0]["lr"]]
report(losses[::3])
