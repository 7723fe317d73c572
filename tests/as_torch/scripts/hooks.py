# Forward hooks keep activations, tensor hooks scale gradients, retain_grad shows one inside the graph.
import torch
import torch.nn as nn
from start import fill, points, report

activation, grads = {}, []


def get_activation(name):
    def hook(model, input, output):
        activation[name] = output.detach()

    return hook


model = fill(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)))
handles = [m.register_forward_hook(get_activation(n)) for n, m in model.named_modules() if isinstance(m, nn.Tanh)]
model[2].register_full_backward_hook(lambda m, gin, gout: grads.append(gout[0].abs().mean().item()))
model[0].weight.register_hook(lambda g: g * 0.5)
x, y = points(32)
x, y = torch.from_numpy(x), torch.from_numpy(y).float()
losses = []
for step in range(5):
    hidden = model[0](x)
    hidden.retain_grad()
    out = model[2](model[1](hidden)).squeeze(1)
    loss = nn.functional.binary_cross_entropy_with_logits(out, y)
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p.data += -0.5 * p.grad
    losses += [loss.item(), hidden.grad.norm().item(), activation["1"].std().item()]
for h in handles:
    h.remove()
report(losses + grads)
