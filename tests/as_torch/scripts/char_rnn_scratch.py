# A character RNN with its own cell, unrolled by a Python loop.
import torch
import torch.nn as nn
from start import fill, report

text = "hello world, hello minds, hello words. "
all_letters = sorted(set(text))


def lineToTensor(line):
    tensor = torch.zeros(len(line), 1, len(all_letters))
    for li, letter in enumerate(line):
        tensor[li][0][all_letters.index(letter)] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        hidden = torch.tanh(self.i2h(combined))
        return self.softmax(self.h2o(hidden)), hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


rnn = fill(RNN(len(all_letters), 16, len(all_letters)))
criterion = nn.NLLLoss()
inputs = lineToTensor(text[:-1])
targets = torch.LongTensor([all_letters.index(c) for c in text[1:]])
losses = []
for epoch in range(5):
    hidden, loss = rnn.initHidden(), 0
    rnn.zero_grad()
    for i in range(inputs.size(0)):
        output, hidden = rnn(inputs[i], hidden)
        loss += criterion(output, targets[i].unsqueeze(-1))
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-0.01)
    losses.append(loss.item() / inputs.size(0))
report(losses)
