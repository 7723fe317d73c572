from __future__ import print_function

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from start import fill, images, report


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, 1)
        self.conv2 = nn.Conv2d(8, 16, 3, 1, bias=False)
        self.dropout1 = nn.Dropout2d(0.0)
        self.fc1 = nn.Linear(256, 32)
        self.fc2 = nn.Linear(32, 4)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def train(args, model, device, data, target, optimizer):
    model.train()
    optimizer.zero_grad()
    loss = F.nll_loss(model(data), target)
    loss.backward()
    optimizer.step()
    return loss.item()


def test(model, data, target):
    model.eval()
    with torch.no_grad():
        output = model(data)
        loss = F.nll_loss(output, target, reduction="sum").item() / len(data)
        pred = output.argmax(dim=1, keepdim=True)
        correct = pred.eq(target.view_as(pred)).sum().item()
    print("Average loss: {:.4f}, Accuracy: {}/{}".format(loss, correct, len(data)))
    return loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--gamma", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args([])
    torch.manual_seed(args.seed)
    device = torch.device("cpu")
    x, y = images()
    data, target = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    model = fill(Net()).to(device)
    optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.5, nesterov=True, weight_decay=1e-4)
    scheduler = StepLR(optimizer, step_size=2, gamma=args.gamma)
    losses = []
    for epoch in range(6):
        losses.append(train(args, model, device, data, target, optimizer))
        scheduler.step()
    losses.append(test(model, data, target))
    report(losses)


if __name__ == "__main__":
    main()
