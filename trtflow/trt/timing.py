"""The timing cache that the builds of one search share: what TensorRT measured once, it need not measure again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def use(config: Any, file: Path) -> None:
    """Let ``config`` begin with what is cached so far. A file that was written by rename is read without a lock.

    Polygraphy locks a file of its own beside it, and fails on one in memory.
    """
    if file.exists():
        config.set_timing_cache(config.create_timing_cache(file.read_bytes()), ignore_mismatch=False)


def keep(config: Any, file: Path) -> None:
    """Join what the build under ``config`` measured to ``file``: one process at a time, and never half a file."""
    from filelock import FileLock

    cache = config.get_timing_cache()
    if cache is None:
        return
    with FileLock(f"{file}.lock"):
        if file.exists():
            cache.combine(config.create_timing_cache(file.read_bytes()), ignore_mismatch=True)
        written = file.with_name(f"{file.name}.{os.getpid()}")
        written.write_bytes(bytes(cache.serialize()))
        written.replace(file)
