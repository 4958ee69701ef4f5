"""A network with which everything can go wrong in its fifth training step."""

import os
import signal
import sys
from pathlib import Path

import torch

from cnnlab.networks.convnet import ConvNet


class Trouble(ConvNet):
    """`how`: raise, exit, kill, memory, diverge, or edit, which changes the YAML that the waiting jobs came from."""

    def __init__(self, image_shape, classes, how, **knobs):
        super().__init__(image_shape=image_shape, classes=classes, **knobs)
        self.how, self.calls = how, 0

    def forward(self, x):
        self.calls += self.training
        if self.training and self.calls == 5:
            self._trouble()
        y = super().forward(x)
        return y * float("nan") if self.how == "diverge" and self.calls >= 5 else y

    def _trouble(self):
        if self.how == "raise":
            raise RuntimeError("something broke")
        if self.how == "exit":
            sys.exit(3)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "memory":
            torch.empty(10**15)
        if self.how == "edit":
            yaml = Path("mine/model/trouble.yaml")
            yaml.write_text(yaml.read_text().replace("[4, 8]", "[5, 9]"))
