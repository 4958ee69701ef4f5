"""Where Hydra finds the launchers for clusters: it takes only classes that are defined in this namespace."""

from typing import Any

from cnnlab.cli.launchers import ray_launcher, slurm_launcher


class SlurmLauncher(slurm_launcher.SlurmLauncher):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)


class RayLauncher(ray_launcher.RayLauncher):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
