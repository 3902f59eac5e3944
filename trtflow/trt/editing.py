"""What a parsed network is told beside its file, and what calibrates it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.data import Sample
    from trtflow.precision import Precision
    from trtflow.trt.calibrators import Batches
    from trtflow.trt.marking import Mark

Log = Callable[[str], None]


def edit(network: Any, module: Any, request: EngineRequest, typing: Typing, log: Log) -> tuple[Mark, ...]:
    """Tell ``network``, parsed by ``module``, what ``request`` holds beside the file: precisions, ranges, marks.

    ``log`` is told of tensors that have no range, and of ranges that have no tensor.

    Raises:
        BackendError: TensorRT refuses a range.
        BuildError: TensorRT refuses a mark, or has no such tensor.
    """
    from trtflow.trt.marking import mark

    if request.plan is not None or request.ranges:
        _constrain(network, module, request, log)
    if not request.marks:
        return ()
    precisions = _precisions(request) if typing == "weak" else {}
    return mark(network, request.marks, request.settings.capture, typing=typing, precisions=precisions)


def _constrain(network: Any, module: Any, request: EngineRequest, log: Log) -> None:
    from trtflow.trt.names import names_table
    from trtflow.trt.ranges import constant_ranges, set_ranges
    from trtflow.trt.weak import set_precisions

    model = _read(request)
    if request.plan is not None:
        set_precisions(network, module, request.plan, names_table(network, model))
    if request.ranges:
        log(set_ranges(network, {**request.ranges, **constant_ranges(network, _constants(model))}).says)


def _precisions(request: EngineRequest) -> dict[str, Precision]:
    """Tensor → what the plan of ``request`` gives it, of a weakly typed network."""
    if request.plan is None:
        return {}
    return {name: request.plan.precision(node.name) for node in _read(request).graph.node for name in node.output}


def _read(request: EngineRequest) -> ModelProto:
    import onnx

    return onnx.load(request.model)


def _constants(model: ModelProto) -> dict[str, Any]:
    from onnx.numpy_helper import to_array

    return {tensor.name: to_array(tensor) for tensor in model.graph.initializer}


def calibration(module: Any, network: Any, request: EngineRequest, cache: Path) -> tuple[Any, Batches | None]:
    """The calibrator that the settings name, and the samples that it is fed; None twice where nothing is calibrated.

    ``cache``: where TensorRT writes what it finds. A cache that the settings name is put there, and read instead.

    Raises:
        BackendError: this version has no such calibrator, would skip the cache, or has nothing to calibrate on.
        PlanError: the cache cannot be read, or holds scales that are zero or not finite.
    """
    kind, given = request.settings.calibrator, request.settings.cache
    if kind is None or not request.calibrated:
        return None, None
    from trtflow.trt.calibrators import Batches, make_calibrator
    from trtflow.trt.ranges import float_tensors

    if given is not None:
        shutil.copyfile(given, cache)
    elif request.calibration is None:
        raise BackendError(f"the calibrator {kind} has no samples; expected `calibration`, or `data`.")
    batches = Batches(() if request.calibration is None else _Samples(request.calibration))
    tensors = [tensor.name for tensor in float_tensors(network)]
    return make_calibrator(module, kind, batches, cache, tensors), batches


class _Samples:
    """The samples in a folder, read anew each time that TensorRT asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Sample]:
        from trtflow.data import Sample
        from trtflow.trt.feeds import read_feeds

        for index, feed in enumerate(read_feeds(self._folder)):
            yield Sample(feed, None, f"sample {index}")
