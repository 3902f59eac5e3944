"""onnx.reference executed with rounding: the numbers that the emulator must give, from another implementation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from trtflow.model.analysis import analyse
from trtflow.model.assignment import edges
from trtflow.plan import PrecisionPlan

DTYPES = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}
Slots = Mapping[int, str]


def run_rounded(model: onnx.ModelProto, plan: PrecisionPlan, feed: Mapping[str, Any]) -> list[Any]:
    """The outputs of ``model`` when each low node's inputs and outputs are rounded and it computes in FP32."""
    assigned = edges(analyse(model), plan)

    class Rounding(ReferenceEvaluator):
        def _init(self) -> None:
            super()._init()
            for instance in self.rt_nodes_:
                name = instance.onnx_node.name
                inputs, outputs = assigned.inputs.get(name, {}), assigned.outputs.get(name, {})
                if inputs or outputs:
                    instance.run = _rounding(instance.run, inputs, outputs)

    with np.errstate(all="ignore"):
        return list(Rounding(model).run(None, dict(feed)))


def _rounding(run: Callable[..., Any], inputs: Slots, outputs: Slots) -> Callable[..., Any]:
    def rounded_run(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        given = [_round(value, inputs.get(index)) for index, value in enumerate(args)]
        results = run(*given, **kwargs)
        return tuple(_round(value, outputs.get(index)) for index, value in enumerate(results))

    return rounded_run


def _round(value: Any, precision: str | None) -> Any:
    if precision is None or not isinstance(value, np.ndarray | np.generic) or value.dtype != np.float32:
        return value
    return np.asarray(value).astype(DTYPES[precision]).astype(np.float32)
