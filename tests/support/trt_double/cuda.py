"""CUDA's memory on the host: what Polygraphy's ``Cuda`` offers, without a GPU."""

from __future__ import annotations

import ctypes
from typing import Any

STREAM = 1


class HostCuda:
    """Stands in for ``polygraphy.cuda.wrapper()``."""

    def __init__(self) -> None:
        self._buffers: dict[int, Any] = {}

    def create_stream(self) -> int:
        """A stream that is always done."""
        return STREAM

    def stream_synchronize(self, ptr: int) -> None:
        """Nothing is pending."""

    def destroy_stream(self, ptr: int) -> None:
        """Nothing is held."""

    def malloc(self, nbytes: int) -> int:
        """The address of ``nbytes`` bytes."""
        buffer = ctypes.create_string_buffer(max(int(nbytes), 1))
        address = ctypes.addressof(buffer)
        self._buffers[address] = buffer
        return address

    def free(self, ptr: int | None) -> None:
        """Give them back.

        Raises:
            ValueError: they are not held.
        """
        if ptr and self._buffers.pop(int(ptr), None) is None:
            raise ValueError(f"CUDA would crash: {ptr:#x} was freed before, or never allocated")

    def memcpy(self, dst: int, src: int, nbytes: int, kind: Any, stream_ptr: int | None = None) -> None:
        """Copy, at once."""
        ctypes.memmove(dst, src, int(nbytes))


def install() -> None:
    """Let Polygraphy use it in this process."""
    from polygraphy.cuda import cuda

    cuda.G_CUDA = HostCuda()
