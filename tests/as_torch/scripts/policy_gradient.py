# REINFORCE on a corridor; actions come from NumPy so that both libraries walk alike.
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from start import fill, report

rng = np.random.default_rng(0)
policy = fill(nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2)))
optimizer = torch.optim.Adam(policy.parameters(), lr=2e-2)
losses = []
for episode in range(8):
    state, log_probs, rewards = 0, [], []
    for t in range(12):
        probs = F.softmax(policy(F.one_hot(torch.tensor(state), 5).float().unsqueeze(0)), dim=1)
        action = int(rng.random() < probs[0, 1].item())
        log_probs.append(torch.log(probs.squeeze(0)[action]))
        state = max(0, min(4, state + 2 * action - 1))
        rewards.append(1.0 if state == 4 else -0.1)
    R, returns = 0, []
    for r in rewards[::-1]:
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-9)
    policy_loss = torch.stack([-lp * R for lp, R in zip(log_probs, returns)]).sum()
    optimizer.zero_grad()
    policy_loss.backward()
    optimizer.step()
    losses.append(policy_loss.item())
report(losses)
