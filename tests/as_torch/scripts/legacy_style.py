# The style of old tutorials: Variable, FloatTensor, .type, .data, size_average.
import warnings

import torch
import torch.nn as nn
from torch.autograd import Variable
from start import fill, points, report

warnings.simplefilter("ignore")
dtype = torch.FloatTensor
xs, ys = points(40)
x = Variable(torch.from_numpy(xs).type(dtype), requires_grad=False)
y = Variable(torch.FloatTensor(ys.tolist()).type(dtype).view(-1, 1))
assert isinstance(x, torch.FloatTensor) and not isinstance(x, torch.LongTensor) and isinstance(x, torch.Tensor)
net = fill(nn.Sequential(nn.Linear(2, 12), nn.PReLU(), nn.Linear(12, 1)))
loss_fn = nn.MSELoss(size_average=False)
losses = []
for t in range(10):
    loss = loss_fn(net(x), y)
    net.zero_grad()
    loss.backward()
    for f in net.parameters():
        f.data.sub_(f.grad.data * 2e-3)
    losses.append(loss.data.item())
report(losses)
