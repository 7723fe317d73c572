"""Datasets, samplers and the loader that makes batches of them, under PyTorch's names; and two small sets of data."""

from . import transforms
from .collate import default_collate, default_convert
from .dataset import ChainDataset, ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from .digits import digits
from .loader import DataLoader
from .moons import two_moons
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler
from .small import body, spirals, text
from .workers import WorkerInfo, get_worker_info

__all__ = ["BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset", "RandomSampler",
           "Sampler", "SequentialSampler", "Subset", "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler",
           "WorkerInfo", "body", "default_collate", "default_convert", "digits", "get_worker_info", "random_split",
           "spirals", "text", "transforms", "two_moons"]  # fmt: skip
