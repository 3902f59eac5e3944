"""What a library that executes models says when it is imported, asked in a process of its own.

A wheel whose libraries are missing, or of another version, may end the process that imports it.
``python -m trtflow.runners.importing MODULE`` is that process.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from trtflow.asking import ask
from trtflow.trt.capabilities import Capabilities, capabilities

CHILD = (sys.executable, "-m", "trtflow.runners.importing")
TIMEOUT = 120.0  # seconds; a first import may read gigabytes
TENSORRT = frozenset({"tensorrt", "tensorrt_rtx"})


@dataclass(frozen=True)
class Imported:
    """What came of an import: ``failed`` says why it has none; ``absent``: it is not installed.

    ``providers`` are those of an ONNX Runtime, ``capabilities`` those of a TensorRT.
    """

    version: str = ""
    failed: str = ""
    absent: bool = False
    providers: tuple[str, ...] = ()
    capabilities: Capabilities | None = None


def imported(module: str) -> Imported:
    """What importing ``module`` says: here where it is imported already, else in a child, once a process."""
    if module in sys.modules:
        return _read(sys.modules[module])
    return Imported(absent=True) if importlib.util.find_spec(module) is None else _asked(module)


@functools.cache
def _asked(module: str) -> Imported:
    answer = ask([*CHILD, module], TIMEOUT)
    if answer.failed:
        return Imported(failed=answer.failed)
    if not answer.said.strip():
        return Imported(failed="ends Python")
    return TypeAdapter(Imported).validate_json(answer.said.strip().rpartition("\n")[2])


def _read(module: Any) -> Imported:
    """What an imported module says of itself."""
    offered: list[str] = getattr(module, "get_available_providers", list)()
    able = capabilities(module) if module.__name__ in TENSORRT else None
    return Imported(str(getattr(module, "__version__", "")), providers=tuple(offered), capabilities=able)


def main(name: str) -> int:
    """Import ``name`` and print what it says as JSON; 1 where it raises."""
    try:
        found = _read(importlib.import_module(name))
    except Exception as error:  # a stub wheel or a missing library fails in ways of its own
        sys.stderr.write(f"{' '.join(str(error).split()) or type(error).__name__}\n")
        return 1
    sys.stdout.write(f"\n{TypeAdapter(Imported).dump_json(found).decode()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
