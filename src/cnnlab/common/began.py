"""When a command's process began, but for the 30 ms that Python itself takes: cnnlab imports this first."""

from time import perf_counter

BEGAN = perf_counter()
