import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, SequentialSampler, Subset
from torch.utils.data.dataloader import default_collate
from start import fill, report


class ToTensor(object):
    def __call__(self, sample):
        return {"x": torch.from_numpy(sample["x"]), "y": torch.tensor(sample["y"])}


class Curves(Dataset):
    def __init__(self, n, transform=None):
        rng = np.random.default_rng(0)
        self.phase = rng.uniform(0, 3, n)
        self.transform = transform

    def __len__(self):
        return len(self.phase)

    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        t = np.linspace(0, 1, 16, dtype=np.float32)
        sample = {"x": np.sin(4 * t + self.phase[idx]).astype(np.float32), "y": np.float32(self.phase[idx])}
        return self.transform(sample) if self.transform else sample


dataset = Curves(40, transform=ToTensor())
train_set, test_set = Subset(dataset, range(32)), Subset(dataset, range(32, 40))
loader = DataLoader(train_set, batch_size=6, sampler=SequentialSampler(train_set), num_workers=0, pin_memory=False,
                    drop_last=True, collate_fn=lambda batch: default_collate(batch))
model = fill(nn.Sequential(nn.Linear(16, 16), nn.Softplus(), nn.Linear(16, 1)))
optimizer = torch.optim.SGD([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 1e-2}], lr=5e-2, momentum=0.9)
losses = []
for epoch in range(5):
    total = 0.0
    for i_batch, batch in enumerate(loader):
        loss = nn.SmoothL1Loss()(model(batch["x"]).squeeze(-1), batch["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    losses.append(total / len(loader))
with torch.inference_mode():
    batch = next(iter(DataLoader(test_set, batch_size=len(test_set))))
    losses.append(nn.functional.l1_loss(model(batch["x"]).view(-1), batch["y"]).item())
report(losses)
