import math

import torch
from start import report
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(1337)
text = "the quick brown fox jumps over the lazy dog. " * 20
chars = sorted(set(text))
data = torch.tensor([chars.index(c) for c in text])
T = 16


class Windows(Dataset):
    def __len__(self):
        return len(data) - T - 1

    def __getitem__(self, i):
        return data[i : i + T], data[i + 1 : i + T + 1]


class Block(nn.Module):
    def __init__(self, n, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(n), nn.LayerNorm(n)
        self.qkv = nn.Linear(n, 3 * n, bias=False)
        self.proj = nn.Linear(n, n)
        self.drop = nn.Dropout(0.1)
        self.mlp = nn.Sequential(nn.Linear(n, 4 * n), nn.GELU(), nn.Linear(4 * n, n), nn.Dropout(0.1))
        self.register_buffer("mask", torch.tril(torch.ones(T, T)))

    def forward(self, x):
        B, L, C = x.shape
        q, k, v = self.qkv(self.ln1(x)).split(C, 2)
        q, k, v = (t.view(B, L, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(C // self.heads)
        shares = self.drop(F.softmax(scores.masked_fill(self.mask[:L, :L] == 0, float("-inf")), -1))
        x = x + self.drop(self.proj((shares @ v).transpose(1, 2).contiguous().view(B, L, C)))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, n=32):
        super().__init__()
        self.tokens, self.places = nn.Embedding(len(chars), n), nn.Embedding(T, n)
        self.blocks = nn.Sequential(*[Block(n, 4) for _ in range(2)])
        self.ln = nn.LayerNorm(n)
        self.head = nn.Linear(n, len(chars))
        self.apply(self.start)

    def start(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, ids):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
        return self.head(self.ln(self.blocks(x)))


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
losses = []
for step, (x, y) in enumerate(DataLoader(Windows(), batch_size=16, shuffle=True)):
    loss = F.cross_entropy(model(x).view(-1, len(chars)), y.view(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step == 14:
        break
model.eval()
ids = torch.zeros((1, 1), dtype=torch.long)
for _ in range(20):
    ids = torch.cat([ids, torch.multinomial(F.softmax(model(ids[:, -T:])[:, -1], -1), 1)], 1)
report(losses + [float(i) for i in ids[0].tolist()])
