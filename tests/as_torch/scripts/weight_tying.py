import math

import torch
import torch.nn as nn
from start import fill, report


class Tied(nn.Module):
    def __init__(self, ntoken, ninp):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        self.hidden = nn.Linear(ninp, ninp)
        self.decoder = nn.Linear(ninp, ntoken, bias=False)
        self.decoder.weight = self.encoder.weight
        self.ninp = ninp

    def forward(self, src):
        return self.decoder(torch.tanh(self.hidden(self.encoder(src) * math.sqrt(self.ninp))))


seq = torch.arange(40) * 7 % 11
src, tgt = seq[:-1], seq[1:]
model = fill(Tied(11, 8))
print(len(list(model.parameters())), "parameters,", len(model.state_dict()), "entries in the state")
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
losses = []
for _ in range(8):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(model(src).view(-1, 11), tgt)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert model.decoder.weight is model.encoder.weight
report(losses)
