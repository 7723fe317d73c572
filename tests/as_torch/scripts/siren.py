# A sine network fitted to a curve and to its slope: derivatives of the output in the loss.
import numpy as np
import torch
from torch import nn
from start import fill, report


class SineLayer(nn.Module):
    def __init__(self, in_features, out_features, omega_0=5):
        super().__init__()
        self.omega_0 = omega_0
        self.linear = nn.Linear(in_features, out_features)
        with torch.no_grad():
            self.linear.weight.uniform_(-1 / in_features, 1 / in_features)

    def forward(self, input):
        return torch.sin(self.omega_0 * self.linear(input))


def gradient(y, x, grad_outputs=None):
    if grad_outputs is None:
        grad_outputs = torch.ones_like(y)
    return torch.autograd.grad(y, [x], grad_outputs=grad_outputs, create_graph=True)[0]


net = fill(nn.Sequential(SineLayer(1, 16), SineLayer(16, 16), nn.Linear(16, 1)), scale=0.5)
coords = torch.from_numpy(np.linspace(-1, 1, 32, dtype=np.float32)).unsqueeze(1)
optim = torch.optim.Adam(lr=1e-3, params=net.parameters())
losses = []
for step in range(6):
    x = coords.clone().detach().requires_grad_(True)
    out = net(x)
    loss = ((out - torch.sin(3 * x)) ** 2).mean() + 0.1 * ((gradient(out, x) - 3 * torch.cos(3 * x)) ** 2).mean()
    optim.zero_grad()
    loss.backward()
    optim.step()
    losses.append(loss.item())
report(losses)
