"""A program that keeps N cores at work as long as its parent lives: `busy.py N`. It says when it has begun."""

import os
import sys

parent = os.getppid()
for _ in range(int(sys.argv[1]) - 1):
    before = os.getpid()
    if os.fork() == 0:
        parent = before
        break
else:
    print("at work", flush=True)
while os.getppid() == parent:
    pass
