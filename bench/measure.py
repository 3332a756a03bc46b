"""Runs a command as a process of its own, and says what it took."""
from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import NamedTuple


class Taken(NamedTuple):
    seconds: float
    mb: float  # the most memory it had
    status: int  # exit status; negative: a signal
    cpu: float  # seconds of processor time


def measure(command, log: Path, limit: float | None = None) -> Taken:
    """What `command` writes goes to `log`. Killed after `limit` seconds: status -9 and no memory told."""
    began = time.perf_counter()
    with open(log, "w") as out:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG if limit else 0)
            if pid != 0:
                break
            if time.perf_counter() - began > limit:
                process.kill()
                os.wait4(process.pid, 0)
                process.returncode = -9
                return Taken(limit, 0, -9, limit)
            time.sleep(0.002)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Taken(seconds, usage.ru_maxrss / 1024, process.returncode, usage.ru_utime + usage.ru_stime)
