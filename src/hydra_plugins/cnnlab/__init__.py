"""cnnlab's plugins for Hydra, which takes only classes of a module in `hydra_plugins`; imported at every start."""

from cnnlab.cli.launchers import local
from cnnlab.cli.sweeps import sweeper


class LabSweeper(sweeper.LabSweeper):
    """`hydra/sweeper=lab`"""


class LocalLauncher(local.LocalLauncher):
    """`hydra/launcher=local`"""
