"""Plans with INT8 and FP8 run on the CPU, as exactly as Q/DQ pairs are."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from cure_host import ABOUT

from trtflow.cures.clipping import Clipping
from trtflow.data import Sample
from trtflow.errors import PlanError
from trtflow.numerics.quantize import on_grid, scale_for, weight_scale
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.quantized import QuantizedOracle, QuantizedRunner, Ranges, emulate
from trtflow.runners.reference import ReferenceRunner

ROWS = np.random.default_rng(3).normal(0, 1, (5, 6)).astype(np.float32)
RANGES = Ranges({"x": 3.0, "r": 9.0})


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_a_quantized_product_is_that_of_the_grids(products: onnx.ModelProto, precision: Precision) -> None:
    held = weights(products)
    with QuantizedRunner(products, PrecisionPlan("fp32", {"up": precision}), RANGES) as runner:
        found = runner({"x": ROWS})["y"]
    axis = 1 if precision == "int8" else None
    weight = on_grid(held["a"], weight_scale(held["a"], axis, precision), precision)
    x = on_grid(ROWS, scale_for(3.0, precision), precision)
    np.testing.assert_allclose(found, np.maximum(x @ weight, 0) @ held["b"], rtol=1e-4, atol=1e-4)


def test_an_activation_without_a_range_is_an_error_that_names_it(products: onnx.ModelProto) -> None:
    with pytest.raises(PlanError, match="'x'"):
        emulate(products, PrecisionPlan("fp32", {"up": "int8"}), Ranges({}))


def test_what_is_not_quantized_is_rounded_as_the_default_says(products: onnx.ModelProto) -> None:
    plan = PrecisionPlan("fp16", {"up": "int8"})
    with QuantizedRunner(products, plan, RANGES) as runner:
        found = runner({"x": ROWS})["y"]
    np.testing.assert_array_equal(found, found.astype(np.float16).astype(np.float32))


def test_clipped_weights_are_what_runs(products: onnx.ModelProto) -> None:
    cure = Clipping(subject="up", shares=(0.25,) * 32, **ABOUT)
    outputs = []
    for cures in ((), (cure,)):
        with QuantizedRunner(products, PrecisionPlan("fp32", {"up": "int8"}), Ranges({"x": 3.0}, cures)) as runner:
            outputs.append(runner({"x": ROWS})["y"])
    assert np.abs(outputs[1]).mean() < np.abs(outputs[0]).mean()


def test_an_oracle_tells_a_range_that_fits_from_one_that_does_not(products: onnx.ModelProto) -> None:
    evaluator = Evaluator(ReferenceRunner(products), [Sample({"x": ROWS})], {"sqnr": {"min": 25}})
    plan = PrecisionPlan("fp32", {"up": "int8"})
    verdicts = [
        QuantizedOracle(Ranges({"x": amax}), products, evaluator).evaluate(plan).accepted for amax in (3.5, 0.1, 3500)
    ]
    assert verdicts == [True, False, False]
