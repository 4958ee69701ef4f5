"""What a composed config says of parts and trainer, for a run and for trials."""

from typing import Any

import torch
from torch import nn

from cnnlab.cli.build import build_optimizer
from cnnlab.cli.parts import Parts, make_parts
from cnnlab.common.random import set_random_state
from cnnlab.networks.memory_layout import choose_channels_last
from cnnlab.training.ranks import ALONE, Ranks
from cnnlab.training.trainer import Trainer


def taken_up(config: Any, device: torch.device, parts: Parts | None) -> Parts:
    """`parts`, with the global generators as they were behind them; made now if there are none."""
    if parts is None:
        return make_parts(config, device)
    set_random_state(parts.random, device)
    return parts


def trainer_of(
    config: Any,
    network: nn.Module,
    image_shape: tuple[int, int, int],
    device: torch.device,
    steps: int,
    ranks: Ranks = ALONE,
) -> Trainer:
    """The trainer of an initialized network, which it moves to the device."""
    network.to(device)
    # Building an optimizer imports torch._dynamo, 2 s, which questions of geometry need not wait for.
    optimizer, scheduler = build_optimizer(config, network, steps) if steps else (None, None)
    settings = {key: config.trainer[key] for key in ("precision", "clip", "label_smoothing", "compile")}
    channels_last = choose_channels_last(config.trainer.channels_last, network, image_shape, device)
    return Trainer(network, optimizer, scheduler, device, channels_last=channels_last, ranks=ranks, **settings)
