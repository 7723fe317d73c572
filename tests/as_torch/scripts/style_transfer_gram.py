# The input itself is what is trained: Gram matrices of a fixed network.
import torch
import torch.nn as nn
import torch.nn.functional as F
from start import fill, images, report


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


cnn = fill(nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1))).requires_grad_(False).eval()
data = torch.from_numpy(images(n=2)[0])
style, content = data[:1], data[1:]
target = gram_matrix(cnn(style)).detach()
input_img = content.clone().requires_grad_(True)
optimizer = torch.optim.Adam([input_img], lr=0.05)
losses = []
for run in range(6):
    optimizer.zero_grad()
    loss = 1e3 * F.mse_loss(gram_matrix(cnn(input_img)), target) + F.mse_loss(input_img, content)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        input_img.clamp_(0, 1)
    losses.append(loss.item())
report(losses)
