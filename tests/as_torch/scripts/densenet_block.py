from collections import OrderedDict

import torch
from torch import nn
from start import fill, images, report


class DenseLayer(nn.Sequential):
    def __init__(self, channels, growth, bn_size=2):
        super().__init__()
        self.add_module("norm1", nn.BatchNorm2d(channels))
        self.add_module("relu1", nn.ReLU(inplace=True))
        self.add_module("conv1", nn.Conv2d(channels, bn_size * growth, kernel_size=1, stride=1, bias=False))
        self.add_module("norm2", nn.BatchNorm2d(bn_size * growth))
        self.add_module("relu2", nn.ReLU(inplace=True))
        self.add_module("conv2", nn.Conv2d(bn_size * growth, growth, kernel_size=3, stride=1, padding=1, bias=False))

    def forward(self, x):
        return torch.cat([x, super().forward(x)], 1)


class DenseNet(nn.Module):
    def __init__(self, growth=4, layers=3):
        super().__init__()
        self.features = nn.Sequential(OrderedDict([("conv0", nn.Conv2d(1, 8, 3, padding=1, bias=False))]))
        channels = 8
        for i in range(layers):
            self.features.add_module(f"dense{i}", DenseLayer(channels, growth))
            channels += growth
        self.features.add_module("norm", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, 4)

    def forward(self, x):
        out = torch.relu(self.features(x))
        return self.classifier(out.mean(dim=[2, 3]))


x, y = images(n=16)
x, y = torch.tensor(x), torch.tensor(y, dtype=torch.long)
net = fill(DenseNet())
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=1e-2)
losses = []
for i in range(5):
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(net(x), y, label_smoothing=0.1)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
report(losses)
