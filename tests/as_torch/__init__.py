"""Toy scripts written for PyTorch, and what they print under it."""
