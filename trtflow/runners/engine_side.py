"""A side that is an engine of TensorRT's: tensors inside are marked, as outputs or for debugging."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from onnx import ModelProto

from trtflow.plan import PrecisionPlan
from trtflow.runners.registry import Executor, Reporting
from trtflow.runners.side import Reader, Reading


@dataclass(frozen=True)
class EngineSide:
    """An engine with marked tensors: of a typed file, or weakly typed, told ``plan`` and ``ranges`` beside the file.

    ``writers``: tensor that may be read → the node that writes it in the original file. Unfused debug tensors
    come all at once, so one engine has all of them.
    """

    model: ModelProto
    execute: Executor
    writers: Mapping[str, str]
    plan: PrecisionPlan | None = None
    ranges: Mapping[str, float] = field(default_factory=dict)
    observed: bool = True

    def start(self, tensors: Sequence[str]) -> Reader:
        """The engine with those of ``tensors`` marked that TensorRT lets mark."""
        whole = tensors and self.execute.request.settings.capture == "unfused-debug"
        return _Marked(self._all if whole else self._engine(tuple(tensors)), {*tensors}, self.writers)

    @cached_property
    def _all(self) -> Reporting:
        return self._engine(tuple(self.writers))

    def _engine(self, marks: tuple[str, ...]) -> Reporting:
        return self.execute(self.model, self.plan, self.ranges, marks=marks)


@dataclass
class _Marked:
    """An engine, of whose marked tensors ``wanted`` are kept; ``writers``: tensor → its node."""

    runner: Reporting
    wanted: Collection[str]
    writers: Mapping[str, str]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.runner.name

    def __enter__(self) -> _Marked:
        self.runner.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.runner.__exit__(*raised)

    @property
    def readings(self) -> Mapping[str, Reading]:
        """By the marks of what was built."""
        built = self.runner.built
        if built is None:
            return {}
        statuses = {one.node: one.status for one in built.honoured.constraints}
        marks = [mark for mark in built.marks if mark.tensor in self.wanted]
        return {mark.tensor: Reading(mark.mechanism, statuses.get(self.writers[mark.tensor])) for mark in marks}

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        unwanted = {mark.tensor for mark in self.runner.built.marks} - {*self.wanted} if self.runner.built else set()
        return {name: array for name, array in self.runner(feed).items() if name not in unwanted}
