import torch
import torch.nn as nn
from start import fill, report

text = "the quick brown fox jumps over the lazy dog and the dog sleeps "
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])


class CharModel(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.embed = nn.Embedding(vocab, 8)
        self.rnn = nn.GRU(8, hidden, num_layers=2, batch_first=True)
        self.fc = nn.Linear(hidden, vocab)

    def forward(self, x, state=None):
        out, state = self.rnn(self.embed(x), state)
        return self.fc(out), state


model = fill(CharModel(len(chars), 16))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
x, y = ids[:60].view(4, 15), ids[1:61].view(4, 15)
losses = []
for epoch in range(5):
    optimizer.zero_grad()
    logits, state = model(x)
    loss = nn.functional.cross_entropy(logits.reshape(-1, len(chars)), y.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    losses.append(loss.item())
report(losses)
