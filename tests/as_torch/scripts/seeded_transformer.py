import torch
from start import report
from torch import nn

torch.manual_seed(3)
losses = []
for batch_first in (True, False):
    for norm_first in (True, False):
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.2, batch_first=batch_first, norm_first=norm_first)
        model, head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(16, 3)
        optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)
        for _ in range(4):
            x, y = torch.randn(6, 5, 16), torch.randint(3, (6, 5))
            loss = nn.functional.cross_entropy(head(model(x)).reshape(-1, 3), y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
whole = nn.Transformer(16, 4, 1, 1, 32, dropout=0.1)
losses.append(whole(torch.randn(5, 2, 16), torch.randn(4, 2, 16)).pow(3).mean().item())
report(losses)
