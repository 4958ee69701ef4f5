"""Imports all that a job of a sweep needs, and computes nothing: for the process of which the jobs are forks."""

import sklearn.datasets  # noqa: F401  the bundled digits
import torchvision  # noqa: F401

import cnnlab.datasets.digits
import cnnlab.networks.convnet
import cnnlab.training.start  # noqa: F401
