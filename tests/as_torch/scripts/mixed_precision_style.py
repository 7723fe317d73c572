# A training script with all its switches: AMP, seeds, devices, checkpoints, printing.
import io
import os
import random

import numpy as np
import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
from torch.cuda.amp import GradScaler, autocast
from start import fill, points, report


def seed_everything(seed):
    random.seed(seed)
    os.environ["PYTHONHASHSEED"] = str(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)
    cudnn.deterministic = True
    cudnn.benchmark = False


seed_everything(42)
torch.set_printoptions(precision=3, sci_mode=False, linewidth=100)
print("torch", torch.__version__.split(".")[0].isdigit(), "gpus", torch.cuda.device_count(), "mps", torch.backends.mps.is_available())
device = torch.accelerator.current_accelerator().type if torch.accelerator.is_available() else "cpu"
x, y = points()
x, y = torch.from_numpy(x).to(device, non_blocking=True), torch.from_numpy(y).to(device)
model = fill(nn.Sequential(nn.Linear(2, 16), nn.SiLU(), nn.Linear(16, 2))).to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
use_amp = torch.cuda.is_available()
scaler = GradScaler(enabled=use_amp)
losses = []
for epoch in range(6):
    with autocast(enabled=use_amp):
        loss = nn.CrossEntropyLoss()(model(x), y)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    losses.append(loss.item())
    if epoch == 2:
        buffer = io.BytesIO()
        torch.save({"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "best": min(losses)}, buffer)
if torch.cuda.is_available():
    torch.cuda.synchronize()
buffer.seek(0)
checkpoint = torch.load(buffer, map_location=lambda storage, loc: storage)
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
for epoch in range(checkpoint["epoch"] + 1, 6):
    loss = nn.CrossEntropyLoss()(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[3:6] == losses[6:9], "a resumed run gives the same losses"
report(losses)
