"""The timing cache of a search: joined by one build at a time, whole at any time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from trtflow.trt.timing import keep, use


class Cache:
    """A set of lines, as TensorRT's cache is one of measurements."""

    def __init__(self, lines: set[bytes]) -> None:
        self.lines = lines

    def combine(self, other: Cache, ignore_mismatch: bool) -> bool:
        assert ignore_mismatch
        self.lines |= other.lines
        return True

    def serialize(self) -> bytes:
        return b"\n".join(sorted(self.lines))


class Config:
    """A builder's configuration that measured ``lines``."""

    def __init__(self, *lines: bytes) -> None:
        self.cache = Cache(set(lines)) if lines else None

    def get_timing_cache(self) -> Any:
        return self.cache

    def set_timing_cache(self, cache: Cache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self.cache = cache
        return True

    def create_timing_cache(self, text: bytes) -> Cache:
        return Cache(set(text.split(b"\n")))


def test_what_builds_measured_is_joined(tmp_path: Path) -> None:
    file = tmp_path / "timing.cache"
    use(begun := Config(), file)
    assert begun.cache is None
    keep(Config(b"conv"), file)
    keep(Config(b"gemm"), file)
    use(begun, file)
    assert begun.cache is not None
    assert begun.cache.lines == {b"conv", b"gemm"}


def test_builds_at_a_time_lose_nothing_and_leave_nothing_half_written(tmp_path: Path) -> None:
    file = tmp_path / "timing.cache"
    names = [f"{number}".encode() for number in range(12)]
    threads = [threading.Thread(target=keep, args=(Config(name), file)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(file.read_bytes().split(b"\n")) == set(names)
    assert {path.name for path in tmp_path.iterdir()} <= {"timing.cache", "timing.cache.lock"}


def test_a_build_without_a_cache_writes_none(tmp_path: Path) -> None:
    keep(Config(), tmp_path / "timing.cache")
    assert list(tmp_path.iterdir()) == []
