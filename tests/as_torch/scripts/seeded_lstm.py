import torch
from start import report
from torch import nn

torch.manual_seed(1)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(12, 8)
        self.lstm = nn.LSTM(8, 16, num_layers=2, dropout=0.2, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(32, 12)

    def forward(self, x):
        return self.out(self.drop(self.lstm(self.embed(x))[0]))


model = Tagger()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
losses = []
for step in range(15):
    x = torch.randint(12, (8, 10))
    loss = nn.CrossEntropyLoss()(model(x).transpose(1, 2), torch.roll(x, 1, 1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    losses.append(loss.item())
report(losses)
