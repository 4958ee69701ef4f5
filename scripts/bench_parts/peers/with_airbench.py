"""`with_airbench.py IMAGES RUNS`: Jordan's airbench, `train94`, on CIFAR-10 as in IMAGES; after a first run, RUNS runs;
ends with a line of JSON: seconds of training, accuracy of the test images and of six views of each.

Its loader finds the images where it would have kept its own download.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import airbench
import numpy as np
import torch
import torchvision

images, runs = Path(sys.argv[1]), int(sys.argv[2])
kept = Path("cifar10")
kept.mkdir()
if images.suffix == ".npz":
    with np.load(images) as arrays:
        parts = {name: (arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in ("train", "test")}
else:
    sets = {name: torchvision.datasets.CIFAR10(images, train=name == "train") for name in ("train", "test")}
    parts = {name: (data.data, np.array(data.targets)) for name, data in sets.items()}
for name, (pixels, labels) in parts.items():
    content = {"images": torch.tensor(pixels), "labels": torch.tensor(labels), "classes": [str(i) for i in range(10)]}
    torch.save(content, kept / f"{name}.pt")

train = airbench.CifarLoader("cifar10", train=True, batch_size=1024, aug={"flip": True, "translate": 2}, altflip=True)
test = airbench.CifarLoader("cifar10", train=False, batch_size=2000)
seconds, accuracy, six_views = [], [], []
for _ in range(1 + runs):
    began = perf_counter()
    network = airbench.train94(train, run=1, verbose=False)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds.append(perf_counter() - began)
    accuracy.append(airbench.evaluate(network, test, tta_level=0))
    six_views.append(airbench.evaluate(network, test, tta_level=2))
print(json.dumps({"seconds": seconds[1:], "with files": [], "accuracy": accuracy[1:], "six views": six_views[1:]}))
