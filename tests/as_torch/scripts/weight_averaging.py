# Stochastic weight averaging and a moving average of the weights, as in the documentation of torch.optim.
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from start import fill, report
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
X = torch.from_numpy(rng.normal(size=(32, 4)).astype("float32"))
y = X.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(X, y), batch_size=8)
model = fill(nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)))
swa_model, ema_model = AveragedModel(model), AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
halves = AveragedModel(model, avg_fn=lambda averaged, current, n: 0.5 * averaged + 0.5 * current)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
swa_scheduler = SWALR(optimizer, anneal_strategy="linear", anneal_epochs=3, swa_lr=0.02)
losses = []
for epoch in range(7):
    for input, target in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(input), target)
        loss.backward()
        optimizer.step()
        ema_model.update_parameters(model)
        halves.update_parameters(model)
    if epoch > 2:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    else:
        scheduler.step()
    losses += [loss.item(), optimizer.param_groups[0]["lr"]]
update_bn(loader, swa_model)
assert swa_model.n_averaged == 4 and swa_model.module[1].momentum == 0.1
for averaged in (swa_model, ema_model, halves):
    averaged.eval()
    losses.append(F.mse_loss(averaged(X), y).item())
restored = AveragedModel(model)
restored.load_state_dict(swa_model.state_dict())
losses.append(F.mse_loss(restored.eval()(X), y).item())
report(losses)
