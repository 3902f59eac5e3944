"""The cache: files by sha256, and records that say which key made which files.

    objects/4a/989eec…/NAME   outputs by content, read-only; NAME is the output's file name
    records/0f/fe5307….json   what a key made, written last: a record that is there is complete
    memo/…                    single evaluations of steps (see memo.py)
    last/<config>/<step>.json the key material of the last run, to explain why a step runs
    locks/ logs/ tmp/         one lock a key; the last log of a step; scratch on the same file system

Failures are never stored. Everything appears by rename, so a killed process leaves nothing half-written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.engine.digest import Digests, companions
from trtflow.steps.contract import StepRecord

if TYPE_CHECKING:
    from filelock import FileLock

VARIABLE = "TRTFLOW_STORE"
POLL = 0.1  # seconds between looks at a key that another process holds


@dataclass(frozen=True)
class Artifact:
    """An output in the store. ``size`` counts the bytes of all its files."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Record:
    """What a key made. ``table`` is JSON-ready; ``seconds`` is how long the work took."""

    key: str
    material: Mapping[str, Any]
    outputs: Mapping[str, Artifact]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    accepted: bool | None = None
    summary: str = ""
    table: Mapping[str, Any] | None = None
    last_word: Sequence[str] = field(default_factory=list)
    seconds: float = 0.0


def default_root() -> Path:
    """``$TRTFLOW_STORE``, or ``~/.cache/trtflow``."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(VARIABLE) or Path(cache) / "trtflow")


class Store:
    """A cache folder, shared by all configs and by any number of processes."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self.digest = Digests(self.root / "digests.sqlite")

    def path(self, artifact: Artifact) -> Path:
        """Where an output lies."""
        return self._sharded("objects", artifact.sha256) / artifact.name

    def record(self, key: str) -> Record | None:
        """What ``key`` made, or None where nothing did or one of its files is gone."""
        document = read_json(self._sharded("records", key, ".json"))
        if document is None:
            return None
        outputs = {name: Artifact(**artifact) for name, artifact in document["outputs"].items()}
        record = Record(**{**document, "outputs": outputs})
        return record if all(self.path(artifact).exists() for artifact in outputs.values()) else None

    def add(self, path: Path) -> Artifact:
        """Move an output (a file with its companions, or a folder) from scratch into the store."""
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path, *companions(path)]
        artifact = Artifact(path.name, Digests()(path), sum(file.stat().st_size for file in files))
        target = self.path(artifact)
        target.parent.mkdir(parents=True, exist_ok=True)
        for file in files:
            file.chmod(0o444)
        moved = [path] if path.is_dir() else list(reversed(files))  # the file itself last: it marks completion
        for file in moved:
            place = target.parent / file.relative_to(path.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                file.replace(place)
        return artifact

    def commit(self, record: Record) -> None:
        """Store a record; all its outputs are in place already."""
        write_json(self._sharded("records", record.key, ".json"), asdict(record))

    def memo(self) -> Path:
        """The folder of single evaluations."""
        return self.root / "memo"

    @contextlib.contextmanager
    def hold(self, key: str, stopping: threading.Event, waiting: Callable[[], None]) -> Iterator[None]:
        """Work on ``key`` alone among all processes; the kernel lets go of it when its holder dies.

        ``waiting`` is called once where another process has it.

        Raises:
            KeyboardInterrupt: ``stopping`` was set while waiting.
        """
        from filelock import FileLock

        folder = self.root / "locks"
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / f"{key}.lock", thread_local=False)
        if not _acquired(lock):
            waiting()
            while not _acquired(lock):
                if stopping.wait(POLL):
                    raise KeyboardInterrupt
        try:
            yield
        finally:
            lock.release()

    def log(self, config: Path, step: str) -> Path:
        """Where the last log of a step of ``config`` lies."""
        folder = self._of_config("logs", config)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{step}.log"

    def last(self, config: Path, step: str) -> Mapping[str, Any] | None:
        """The key material with which a step of ``config`` was last done."""
        material: dict[str, Any] | None = read_json(self._of_config("last", config) / f"{step}.json")
        return material

    def set_last(self, config: Path, step: str, material: Mapping[str, Any]) -> None:
        """Remember the material of a step that is done."""
        if self.last(config, step) != material:
            write_json(self._of_config("last", config) / f"{step}.json", material)

    def scratch(self) -> Path:
        """A new folder for a running step, named after this process so that others know when it is dead."""
        folder = self.root / "tmp"
        folder.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{socket.gethostname()}+{os.getpid()}+", dir=folder))

    def sweep(self) -> None:
        """Remove what killed processes of this machine left in scratch."""
        for folder in (self.root / "tmp").glob(f"{socket.gethostname()}+*"):
            process = folder.name.split("+")[-2]
            if not Path(f"/proc/{process}").exists() and Path("/proc/self").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def _sharded(self, kind: str, digest: str, suffix: str = "") -> Path:
        return self.root / kind / digest[:2] / f"{digest[2:]}{suffix}"

    def _of_config(self, kind: str, config: Path) -> Path:
        return self.root / kind / f"{config.stem}-{hashlib.sha256(str(config).encode()).hexdigest()[:12]}"


def _acquired(lock: FileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def step_record(name: str, record: Record, store: Store, cached: bool) -> StepRecord:
    """A stored record as other steps see it."""
    return StepRecord(
        name=name,
        uses=record.material["uses"],
        status="done",
        accepted=record.accepted,
        summary=record.summary,
        metrics=record.metrics,
        outputs={output: store.path(artifact) for output, artifact in record.outputs.items()},
        digests={output: artifact.sha256 for output, artifact in record.outputs.items()},
        seconds=record.seconds,
        cached=cached,
    )


def read_json(path: Path) -> Any:
    """The document in ``path``, or None where there is no file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def write_json(path: Path, document: Any) -> None:
    """Write a document so that readers see the old one or the new one, and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    aside.write_text(json.dumps(document), encoding="utf-8")
    aside.replace(path)
