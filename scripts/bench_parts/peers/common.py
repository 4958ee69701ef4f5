"""What the scripts of other libraries share: a network, a data set, a recipe, as such scripts have them. No cnnlab."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import datasets
from torchvision.transforms import Compose, Normalize, ToTensor

MNIST = Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])
CIFAR10 = Compose([ToTensor(), Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))])
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32), "random": (1, 28, 28)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", choices=SHAPES, required=True)
    parser.add_argument("--root", type=Path, help="as torchvision has it; a .npz of decoded CIFAR-10")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--steps", type=int, required=True, help="of the schedule of the learning rate")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--statistics", action="store_true", help="of every layer, logged at every step")
    return parser.parse_args()


def stacked3x3(c: int, side: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(c, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * (side // 4) ** 2, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def vgg(c: int, side: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (32, 64, 128):
        for inputs in (c, width):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        c = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * (side // 8) ** 2, 64), nn.ReLU(), nn.Linear(64, 10))


NETWORKS: dict[str, Callable[[int, int], nn.Sequential]] = {"stacked3x3": stacked3x3, "vgg": vgg}


def network(args: argparse.Namespace) -> nn.Sequential:
    c, side, _ = SHAPES[args.data]
    built = NETWORKS[args.network](c, side)
    for module in built.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return built


def optimizer(args: argparse.Namespace, network: nn.Module) -> tuple[SGD, OneCycleLR]:
    chosen = SGD(network.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4)
    # One step more than planned, since it raises if it is stepped once too often.
    return chosen, OneCycleLR(chosen, max_lr=0.02, total_steps=args.steps + 1, pct_start=0.25, cycle_momentum=False)


class Decoded(datasets.CIFAR10):
    """torchvision's own, from an array of the decoded images instead of its download."""

    def __init__(self, path: Path, train: bool):
        with np.load(path) as arrays:
            split = "train" if train else "test"
            self.data, self.targets = arrays[f"{split}_images"], arrays[f"{split}_labels"].tolist()
        self.transform, self.target_transform = CIFAR10, None


def split(args: argparse.Namespace, train: bool) -> Dataset:
    if args.data == "random":
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(1294, *SHAPES["random"], generator=generator)  # as many as digits trains on
        return TensorDataset(images, torch.randint(10, (len(images),), generator=generator))
    if args.data == "mnist":
        return datasets.MNIST(args.root, train, MNIST)
    if args.root.suffix == ".npz":
        return Decoded(args.root, train)
    return datasets.CIFAR10(args.root, train, CIFAR10)


def loader(args: argparse.Namespace, batch_size: int = 64) -> DataLoader:
    return DataLoader(
        split(args, train=True), batch_size, shuffle=True, num_workers=args.workers, drop_last=True,
        pin_memory=args.device == "cuda",
    )  # fmt: skip


def accuracy(args: argparse.Namespace, network: nn.Module) -> float:
    """On the test images; leaves the network in training mode."""
    network.eval()
    batches: Iterable[tuple[Tensor, Tensor]] = DataLoader(split(args, train=False), 500)
    with torch.no_grad():
        right = [network(x.to(args.device)).argmax(1).cpu() == y for x, y in batches]
    network.train()
    return torch.cat(right).double().mean().item()


def finish(args: argparse.Namespace) -> Callable[[], object] | None:
    return torch.cuda.synchronize if args.device == "cuda" else None
