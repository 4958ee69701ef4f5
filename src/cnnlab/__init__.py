"""A laboratory for the design of convolutional networks."""

__version__ = "0.1.0"
