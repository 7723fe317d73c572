import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Variable
from start import fill, points, report

cuda = True if torch.cuda.is_available() else False
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor

generator = fill(nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2, inplace=True), nn.Linear(16, 2)), seed=1)
discriminator = fill(nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2, inplace=True), nn.Linear(16, 1), nn.Sigmoid()), seed=2)
adversarial_loss = torch.nn.BCELoss()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.002, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.5, 0.999))
rng = np.random.default_rng(0)
real = Variable(torch.from_numpy(points(32)[0]).type(Tensor))
losses = []
for epoch in range(6):
    valid = Variable(Tensor(real.size(0), 1).fill_(1.0), requires_grad=False)
    fake = Variable(Tensor(real.size(0), 1).fill_(0.0), requires_grad=False)
    optimizer_G.zero_grad()
    z = Variable(Tensor(rng.normal(0, 1, (real.shape[0], 4))))
    gen = generator(z)
    g_loss = adversarial_loss(discriminator(gen), valid)
    g_loss.backward()
    optimizer_G.step()
    optimizer_D.zero_grad()
    d_loss = (adversarial_loss(discriminator(real), valid) + adversarial_loss(discriminator(gen.detach()), fake)) / 2
    d_loss.backward()
    optimizer_D.step()
    losses += [g_loss.item(), d_loss.item()]
report(losses)
