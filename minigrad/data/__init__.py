"""Datasets, samplers and the loader that makes batches of them, under PyTorch's names; collections of pictures; small data."""

from ..guard import guard as _guard
from . import functional, transforms
from .collate import default_collate, default_convert
from .dataset import ChainDataset, ConcatDataset, Dataset, IterableDataset, StackDataset, Subset, TensorDataset, random_split
from .digits import digits
from .loader import DataLoader
from .points import blobs, circles, spirals, two_moons
from .sampler import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .small import body, text
from .tables import iris, wine
from .vision import CIFAR10, CIFAR100, KMNIST, MNIST, DatasetFolder, FashionMNIST, ImageFolder, VisionDataset
from .workers import WorkerInfo, get_worker_info

__all__ = [
    "BatchSampler", "CIFAR10", "CIFAR100", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DatasetFolder",
    "DistributedSampler", "FashionMNIST", "ImageFolder", "IterableDataset", "KMNIST", "MNIST", "RandomSampler", "Sampler",
    "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler", "TensorDataset", "VisionDataset",
    "WeightedRandomSampler", "WorkerInfo", "blobs", "body", "circles", "default_collate", "default_convert", "digits",
    "get_worker_info", "iris", "random_split", "spirals", "text", "transforms", "two_moons", "wine",
]  # fmt: skip

_guard(__name__, rename=True)
