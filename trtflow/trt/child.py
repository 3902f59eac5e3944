"""The child process that builds one engine: ``python -m trtflow.trt.child FOLDER``.

It is given a folder with ``task.json``, and leaves ``result.json`` there, beside the engine and its layers; a crash
leaves none. Standard output carries progress, a JSON document a line; what libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter

from trtflow.errors import BackendError, BuildError
from trtflow.model.libraries import use_libraries
from trtflow.progress import Progress
from trtflow.trt.building import build
from trtflow.trt.built import EngineBuild
from trtflow.trt.isolated import ENGINE
from trtflow.trt.request import EngineRequest


def main(folder: Path) -> int:
    """Do what the task says, and write down what came of it."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    progress = _telling(_own_stdout())
    use_libraries(Path(library) for library in task["libraries"])
    request = TypeAdapter(EngineRequest).validate_python(task["request"])
    result = _outcome(request, task["flavour"], folder / ENGINE, progress)
    written = folder / "result.json.part"
    written.write_text(json.dumps(result), encoding="utf-8")
    written.replace(folder / "result.json")
    return 0


def _outcome(request: EngineRequest, flavour: str, destination: Path, progress: Progress) -> dict[str, Any]:
    try:
        built = build(request, flavour, destination, progress)
    except BuildError as error:
        return {"kind": BuildError.__name__, "error": str(error)}
    except BackendError as error:
        return {"kind": BackendError.__name__, "error": str(error)}
    except ImportError as error:
        said = f"{flavour} was asked for but cannot be imported: {error}."
        return {"kind": BackendError.__name__, "error": said}
    found: dict[str, Any] = TypeAdapter(EngineBuild).dump_python(built, mode="json")
    return found


def _own_stdout() -> IO[str]:
    """Standard output for ourselves; whatever libraries print there goes to standard error."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return kept


def _telling(out: IO[str]) -> Progress:
    def tell(done: int, total: int | None, text: str) -> None:
        out.write(json.dumps({"done": done, "total": total, "text": text}) + "\n")

    return tell


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
