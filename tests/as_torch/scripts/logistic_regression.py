import torch
import torch.nn as nn
from start import fill, points, report


class LogisticRegression(nn.Module):
    def __init__(self, n_features):
        super(LogisticRegression, self).__init__()
        self.linear = nn.Linear(n_features, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))


x, y = points()
x, y = torch.from_numpy(x), torch.from_numpy(y).float().view(-1, 1)
model = fill(LogisticRegression(2))
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
losses = []
for epoch in range(30):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
with torch.no_grad():
    acc = model(x).round().eq(y).sum() / float(y.shape[0])
    print(f"accuracy: {acc:.4f}")
report(losses[::6])
