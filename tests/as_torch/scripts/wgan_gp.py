# The gradient penalty: a second derivative through the critic.
import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from start import fill, points, report

D = fill(nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)))
opt = torch.optim.Adam(D.parameters(), lr=1e-2, betas=(0.0, 0.9))
rng = np.random.default_rng(0)
real = torch.from_numpy(points(32)[0])


def compute_gradient_penalty(D, real_samples, fake_samples):
    alpha = torch.Tensor(rng.random((real_samples.size(0), 1)))
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = torch.ones(d_interpolates.size(), requires_grad=False)
    gradients = autograd.grad(
        outputs=d_interpolates, inputs=interpolates, grad_outputs=fake, create_graph=True, retain_graph=True, only_inputs=True
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


losses = []
for step in range(6):
    fake = torch.from_numpy(rng.normal(size=(32, 2)).astype(np.float32))
    opt.zero_grad()
    d_loss = -torch.mean(D(real)) + torch.mean(D(fake)) + 10 * compute_gradient_penalty(D, real.data, fake.data)
    d_loss.backward()
    opt.step()
    losses.append(d_loss.item())
report(losses)
