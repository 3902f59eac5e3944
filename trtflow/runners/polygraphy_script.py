"""A runner of the user's own: ``load_runner(model_path)`` in a Python file returns a Polygraphy runner for a model.

The convention is trtflow's: whatever Polygraphy can run (an engine with options of one's own, a remote device,
another compiler) then executes typed files as any engine does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError, BuildError
from trtflow.precision import BF16, FP16, ROWS
from trtflow.runners.backend import Runner
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.user_code import Function, blamed, called, folder_of, load_function, place

if TYPE_CHECKING:
    from onnx import ModelProto

NAME = "polygraphy-script"
LOADER = "load_runner"
EXPECTED = "(model_path) -> a Polygraphy runner for the ONNX file at that path"


@dataclass(frozen=True)
class PolygraphyScript:
    """``script``: file.py:function of the user's."""

    script: str | None = None
    name: str = NAME
    is_engine: bool = True
    builds: bool = False
    facts: tuple[str, ...] = ("polygraphy", "tensorrt", "tensorrt-rtx", "onnxruntime", "gpu", "driver")

    def why_not(self) -> str:
        """Polygraphy is always there."""
        return ""

    def why_not_run(self) -> str:
        """A script must be named."""
        return "" if self.script else f"no script is named: `script: file.py` with a function load_runner{EXPECTED}"

    def typing(self, settings: EngineSettings) -> Typing:
        """The script is given files as they are typed."""
        return "strong"

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """What the script makes of ``model``, as it is typed; engines are the script's own affair."""
        return ScriptRunner(model, load_function(str(self.script)))


class ScriptRunner:
    """Writes the model into a file for ``load``, and executes by the runner that it returns."""

    def __init__(self, model: ModelProto, load: Function) -> None:
        self.name = NAME
        self._model, self._load = model, load
        self._inside = ExitStack()
        self._runner: Any = None

    def __enter__(self) -> ScriptRunner:
        with ExitStack() as inside:
            folder = inside.enter_context(tempfile.TemporaryDirectory())
            self._runner = self._loaded(Path(folder) / "model.onnx")
            with _builder_blamed(), self._blaming("when it was activated"):
                inside.enter_context(self._runner)
            self._require_inputs()
            self._require_real_kernels()
            self._inside = inside.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        with self._blaming("when it was closed"):
            self._inside.close()

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs of the model for ``feed``, in its own order.

        Raises:
            BackendError: the runner raises, or returns other outputs than the model has.
        """
        from polygraphy.util.array import to_numpy

        with self._blaming("when it was run"):
            found = {name: to_numpy(array) for name, array in self._runner.infer(feed, check_inputs=False).items()}
        return {value.name: self._output(value, found) for value in self._model.graph.output}

    def _loaded(self, path: Path) -> Any:
        from polygraphy.backend.base import BaseRunner

        from trtflow.model.load import save

        save(self._model, path)
        with _builder_blamed():
            runner = called(self._load, str(path), kind=BackendError, who="load_runner", expected=EXPECTED)
        if not isinstance(runner, BaseRunner):
            kind = type(runner).__name__
            raise BackendError(f"load_runner ({place(self._load)}) returned {kind}; expected {EXPECTED}.")
        return runner

    @contextmanager
    def _blaming(self, when: str) -> Iterator[None]:
        with blamed(BackendError, f"the runner of {place(self._load)}, {when},", folder_of(self._load)):
            yield

    def _require_inputs(self) -> None:
        """The runner must take what the model takes.

        Raises:
            BackendError: it takes other inputs.
        """
        constants = {tensor.name for tensor in self._model.graph.initializer}
        expected = {value.name for value in self._model.graph.input} - constants
        with self._blaming("when it was asked for its inputs"):
            found = {*self._runner.get_input_metadata(use_numpy_dtypes=False)}
        if found != expected:
            raise BackendError(
                f"the runner of {place(self._load)} takes {_listed(found)}, and the model {_listed(expected)}: "
                "load the file that load_runner is given."
            )

    def _require_real_kernels(self) -> None:
        """ONNX Runtime's CPU provider must not judge what it does not compute.

        Raises:
            BackendError: the runner is one, and the model holds FP16 or BF16.
        """
        from polygraphy.backend.onnxrt import OnnxrtRunner

        if type(self._runner) is not OnnxrtRunner or not _is_half(self._model):  # the emulator's are subclasses
            return
        if self._runner.sess.get_providers()[0] == "CPUExecutionProvider":
            raise BackendError(
                f"the runner of {place(self._load)} is ONNX Runtime on a CPU, which executes FP16 in FP32 and so "
                "decides nothing; return one that computes in FP16 (`runner: emulated` needs no script)."
            )

    def _output(self, value: Any, found: Mapping[str, Any]) -> Any:
        if value.name not in found:
            raise BackendError(
                f"the runner of {place(self._load)} returns {_listed({*found})} and lacks the output '{value.name}': "
                "load the file that load_runner is given, with all its outputs."
            )
        array, dimensions = found[value.name], value.type.tensor_type.shape.dim
        expected = [size.dim_value if size.HasField("dim_value") else size.dim_param or "?" for size in dimensions]
        known = value.type.tensor_type.HasField("shape")
        if known and not _fits(array.shape, expected):
            raise BackendError(
                f"the runner of {place(self._load)} returns '{value.name}' with the shape {list(array.shape)}, "
                f"and the model declares {expected}."
            )
        return array.copy()  # a runner may use its buffers again


def _fits(shape: tuple[int, ...], expected: list[int | str]) -> bool:
    sizes = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(isinstance(other, str) or size == other for size, other in sizes)


def _is_half(model: ModelProto) -> bool:
    halves = {ROWS[FP16].onnx_type, ROWS[BF16].onnx_type}
    casts = (a.i for node in model.graph.node if node.op_type == "Cast" for a in node.attribute if a.name == "to")
    return bool(halves & {*casts, *(tensor.data_type for tensor in model.graph.initializer)})


def _listed(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names)) or "nothing"


@contextmanager
def _builder_blamed() -> Iterator[None]:
    """What Polygraphy itself refuses is a build that failed: it says nothing of other plans.

    Raises:
        BuildError: Polygraphy raised inside.
    """
    from polygraphy.exception import PolygraphyException

    try:
        yield
    except BackendError as error:
        if isinstance(error.__cause__, PolygraphyException):
            raise BuildError(str(error)) from error.__cause__
        raise
