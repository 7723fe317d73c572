"""Training as the distributed tutorials write it, for a world of one: a process group, DistributedDataParallel, a
DistributedSampler, and only rank 0 that reports."""

import os

import torch
import torch.distributed as dist
import torch.nn as nn
from start import fill, points, report
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

os.environ.setdefault("MASTER_ADDR", "localhost")
os.environ.setdefault("MASTER_PORT", "29533")


def main(rank, world_size):
    dist.init_process_group("gloo", rank=rank, world_size=world_size)
    x, y = (torch.from_numpy(a) for a in points())
    dataset = TensorDataset(x, y)
    sampler = DistributedSampler(dataset, num_replicas=world_size, rank=rank, shuffle=False)
    loader = DataLoader(dataset, batch_size=16, sampler=sampler)
    model = DDP(fill(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    losses = []
    for epoch in range(5):
        sampler.set_epoch(epoch)
        total = torch.zeros(1)
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        dist.all_reduce(total, op=dist.ReduceOp.SUM)
        dist.barrier()
        losses.append(total.item() / len(loader) / dist.get_world_size())
    if dist.get_rank() == 0:
        assert all(key.startswith("module.") for key in model.state_dict())
        report(losses)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(0, 1)
