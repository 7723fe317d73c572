# Skip-gram with negative sampling.
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from start import fill, report

text = "the cat sat on the mat the dog sat on the log a cat and a dog met on the mat".split()
vocab = sorted(set(text))
word_to_ix = {w: i for i, w in enumerate(vocab)}


class SkipGram(nn.Module):
    def __init__(self, vocab_size, dim):
        super().__init__()
        self.in_embed = nn.Embedding(vocab_size, dim)
        self.out_embed = nn.Embedding(vocab_size, dim)

    def forward(self, center, context, negatives):
        v, u, n = self.in_embed(center), self.out_embed(context), self.out_embed(negatives)
        pos = F.logsigmoid(torch.sum(v * u, dim=1))
        neg = F.logsigmoid(-torch.bmm(n, v.unsqueeze(2)).squeeze(2)).sum(1)
        return -(pos + neg).mean()


pairs = [(i, j) for i in range(len(text)) for j in range(max(0, i - 2), min(len(text), i + 3)) if i != j]
center = torch.LongTensor([word_to_ix[text[i]] for i, _ in pairs])
context = torch.LongTensor([word_to_ix[text[j]] for _, j in pairs])
rng = np.random.default_rng(0)
model = fill(SkipGram(len(vocab), 8))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
losses = []
for epoch in range(6):
    negatives = torch.from_numpy(rng.integers(len(vocab), size=(len(pairs), 4)))
    model.zero_grad()
    loss = model(center, context, negatives)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
w = model.in_embed.weight.data
print("most like cat:", vocab[F.cosine_similarity(w[word_to_ix["cat"]].view(1, -1), w).topk(2).indices[1]])
report(losses)
