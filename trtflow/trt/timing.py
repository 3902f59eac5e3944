"""The timing cache that the builds of one search share: what TensorRT measured once, it need not measure again."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any


def opened(file: Path | None) -> BytesIO | None:
    """What is cached so far, as Polygraphy takes it. A file that was written by rename is read without a lock."""
    return BytesIO(file.read_bytes()) if file is not None and file.exists() else None


def keep(config: Any, file: Path) -> None:
    """Join what the build under ``config`` measured to ``file``: one process at a time, and never half a file."""
    from filelock import FileLock

    cache = config.get_timing_cache()
    if cache is None:
        return
    with FileLock(f"{file}.lock"):
        before = opened(file)
        if before is not None:
            cache.combine(config.create_timing_cache(before.getvalue()), ignore_mismatch=True)
        written = file.with_name(f"{file.name}.{os.getpid()}")
        written.write_bytes(bytes(cache.serialize()))
        written.replace(file)
