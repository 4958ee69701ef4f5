"""A plain PyTorch script, as PyTorch's MNIST example: torchvision's data set, its transforms, a DataLoader."""

import torch
import torch.nn.functional as F

from clocked import Clocked
from common import accuracy, arguments, finish, loader, network, optimizer


def main() -> None:
    args = arguments()
    torch.manual_seed(0)
    batches = loader(args)
    model = network(args).to(args.device)
    chosen, scheduler = optimizer(args, model)
    clocked = Clocked(finish(args), lambda: accuracy(args, model))
    model.train()
    while True:
        for number, (x, y) in enumerate(batches):
            x, y = x.to(args.device), y.to(args.device)
            chosen.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            chosen.step()
            scheduler.step()
            if number % 10 == 0:
                print(f"loss {loss.item():.6f}")
            clocked.step()


if __name__ == "__main__":
    main()
