import torch
import torch.nn as nn
import torch.nn.functional as F
from start import report

torch.manual_seed(5)
encoder, mean, log_var = nn.Linear(20, 16), nn.Linear(16, 3), nn.Linear(16, 3)
decoder = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 20))
optimizer = torch.optim.Adam([p for m in (encoder, mean, log_var, decoder) for p in m.parameters()], lr=1e-2)
x = torch.bernoulli(torch.rand(64, 20))
losses = []
for epoch in range(2):
    for batch in torch.randperm(64).split(16):
        h = F.relu(encoder(x[batch]))
        m, v = mean(h), log_var(h)
        z = m + torch.randn_like(v) * torch.exp(0.5 * v)
        fit = F.binary_cross_entropy_with_logits(decoder(z), x[batch], reduction="sum")
        loss = fit - 0.5 * torch.sum(1 + v - m.pow(2) - v.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

G, D = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(8, 1))
first, second = torch.optim.RMSprop(G.parameters(), lr=1e-3), torch.optim.SGD(D.parameters(), lr=1e-2)
for step in range(5):
    real = torch.normal(1.0, 2.0, size=(16, 8))
    loss = F.softplus(-D(real)).mean() + F.softplus(D(G(torch.randn(16, 4)).detach())).mean()
    second.zero_grad()
    loss.backward()
    second.step()
    losses.append(loss.item())
    loss = F.softplus(-D(G(torch.randn(16, 4)))).mean()
    first.zero_grad()
    loss.backward()
    first.step()
    losses.append(loss.item())
report(losses)
