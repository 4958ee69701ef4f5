"""A program that keeps N cores at work, `busy.py N`, between the lines `on` and `off` on its standard input. It answers
each with a line, and ends with its input, so that it cannot outlive who started it."""

import os
import signal
import sys

own = os.getpid()
spinning: list[int] = []


def stop() -> None:
    while spinning:
        os.kill(spinning[-1], signal.SIGKILL)
        os.waitpid(spinning.pop(), 0)


for line in sys.stdin:
    stop()
    while line == "on\n" and len(spinning) < int(sys.argv[1]):
        spinning.append(os.fork())
        while spinning[-1] == 0 and os.getppid() == own:
            pass
        if spinning[-1] == 0:
            os._exit(0)
    print(len(spinning), flush=True)
stop()
