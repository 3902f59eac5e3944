"""The child process that tries a backend: ``python -m trtflow.runners.probe_child NAME`` says why it does not run."""

from __future__ import annotations

import sys

from trtflow.errors import TrtflowError
from trtflow.runners.probe import probe
from trtflow.runners.registry import BACKENDS
from trtflow.trt.request import EngineSettings


def main(name: str) -> int:
    """Execute one FP16 sum on the backend called ``name``; 1 where it does not run."""
    try:
        backend, settings = BACKENDS[name], EngineSettings()
        probe(backend, settings, backend.typing(settings))
    except TrtflowError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
