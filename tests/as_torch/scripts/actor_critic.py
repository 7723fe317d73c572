# An actor and a critic on a corridor, with torch.distributions; actions come from NumPy so that both libraries walk alike.
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from start import fill, report
from torch.distributions import Categorical, kl_divergence
from torch.distributions.normal import Normal

rng = np.random.default_rng(0)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(5, 16)
        self.action_head = nn.Linear(16, 2)
        self.value_head = nn.Linear(16, 1)
        self.log_std = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


model = fill(Policy())
optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
losses = []
for episode in range(6):
    state, saved, rewards = 0, [], []
    for t in range(10):
        probs, value = model(F.one_hot(torch.tensor(state), 5).float())
        m = Categorical(probs)
        assert m.sample().shape == () and m.sample((3,)).shape == (3,)
        action = torch.tensor(int(rng.random() < m.probs[1].item()))
        saved.append((m.log_prob(action), value, m.entropy()))
        state = max(0, min(4, state + 2 * action.item() - 1))
        rewards.append(1.0 if state == 4 else -0.1)
    R, returns = 0, []
    for r in rewards[::-1]:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + np.finfo(np.float32).eps.item())
    policy_losses, value_losses, entropy = [], [], 0
    for (log_prob, value, e), R in zip(saved, returns):
        policy_losses.append(-log_prob * (R - value.item()))
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
        entropy += e
    spread = Normal(torch.zeros(1), model.log_std.exp())
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - 0.01 * entropy
    loss = loss + kl_divergence(spread, Normal(0.5, 0.3)).sum() - spread.log_prob(torch.tensor([0.2, -0.4])).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
report(losses)
