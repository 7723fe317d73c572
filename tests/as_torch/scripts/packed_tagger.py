"""Part-of-speech tagging in the style of the sequence tutorials: padded batches, packed, through a two-way LSTM, with a
checkpoint in the middle from which a second model goes on."""

import io

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from start import fill, report
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

TEXT = [
    ("the dog ate the apple", "d n v d n"),
    ("everybody read that book", "n v d n"),
    ("a bird sang", "d n v"),
    ("the cat saw a small green bird", "d n v d a a n"),
    ("that small dog read the book", "d a n v d n"),
    ("everybody sang", "n v"),
]
PAD = 0
words = {w: i + 1 for i, w in enumerate(sorted({w for s, _ in TEXT for w in s.split()}))}
tags = {t: i + 1 for i, t in enumerate("davn")}


class Sentences(Dataset):
    def __len__(self):
        return len(TEXT)

    def __getitem__(self, idx):
        sentence, marks = TEXT[idx]
        return torch.tensor([words[w] for w in sentence.split()]), torch.tensor([tags[t] for t in marks.split()])


def collate(batch):
    batch.sort(key=lambda pair: len(pair[0]), reverse=True)
    xs, ys = zip(*batch)
    lengths = torch.LongTensor([len(x) for x in xs])
    return pad_sequence(xs, batch_first=True, padding_value=PAD), pad_sequence(ys, batch_first=True), lengths


class Tagger(nn.Module):
    def __init__(self, vocab_size, tagset_size, embedding_dim=8, hidden_dim=12):
        super(Tagger, self).__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=PAD)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, num_layers=2, batch_first=True, bidirectional=True)
        self.hidden2tag = nn.Linear(2 * hidden_dim, tagset_size)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.embedding(x), lengths, batch_first=True)
        output, (hn, cn) = self.lstm(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        return self.hidden2tag(output)


def train_epoch(model, optimizer, loader):
    model.train()
    total = 0.0
    for x, y, lengths in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        scores = model(x, lengths)
        loss = F.cross_entropy(scores.view(-1, scores.size(-1)), y.view(-1), ignore_index=PAD)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        total += loss.item()
    return total / len(loader)


loader = DataLoader(Sentences(), batch_size=3, shuffle=False, collate_fn=collate)
model = fill(Tagger(len(words) + 1, len(tags) + 1)).to(device)
optimizer = optim.Adam(model.parameters(), lr=0.01)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
losses = []
for epoch in range(3):
    losses.append(train_epoch(model, optimizer, loader))
    scheduler.step()

file = io.BytesIO()
torch.save(
    {
        "epoch": epoch + 1,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler_state_dict": scheduler.state_dict(),
        "losses": losses,
    },
    file,
)
file.seek(0)
checkpoint = torch.load(file, map_location=device, weights_only=True)
model = Tagger(len(words) + 1, len(tags) + 1).to(device)
model.load_state_dict(checkpoint["model_state_dict"])
optimizer = optim.Adam(model.parameters(), lr=0.5)
optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=7)
scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
losses = list(checkpoint["losses"])
for epoch in range(checkpoint["epoch"], 6):
    losses.append(train_epoch(model, optimizer, loader))
    scheduler.step()
model.eval()
with torch.no_grad():
    correct = sum(((model(x, n).argmax(dim=-1) == y) & (y != PAD)).sum().item() for x, y, n in loader)
report([*losses, correct])
