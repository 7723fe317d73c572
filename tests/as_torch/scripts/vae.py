import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from start import fill, images, report


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(144, 32)
        self.fc21 = nn.Linear(32, 4)
        self.fc22 = nn.Linear(32, 4)
        self.fc3 = nn.Linear(4, 32)
        self.fc4 = nn.Linear(32, 144)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar, eps):
        std = torch.exp(0.5 * logvar)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x, eps):
        mu, logvar = self.encode(x.view(-1, 144))
        return self.decode(self.reparameterize(mu, logvar, eps)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 144), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


rng = np.random.default_rng(0)
x = torch.from_numpy(images(n=16)[0]).clamp_(0, 1)
model = fill(VAE())
optimizer = optim.Adam(model.parameters(), lr=1e-3)
losses = []
for epoch in range(6):
    eps = torch.from_numpy(rng.normal(size=(16, 4)).astype("float32"))  # torch.randn_like(std), drawn by NumPy
    optimizer.zero_grad()
    recon_batch, mu, logvar = model(x, eps)
    loss = loss_function(recon_batch, x, mu, logvar)
    loss.backward()
    optimizer.step()
    losses.append(loss.item() / len(x))
report(losses)
