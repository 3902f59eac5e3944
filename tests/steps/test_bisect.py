"""The bisect step: what its runner brings along, and the words for options that are no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from trtflow.engine.plan import make_plan
from trtflow.errors import ConfigError
from trtflow.runners.registry import BACKENDS
from trtflow.steps import bisect, validate
from trtflow.steps.contract import StepModule

CONFIG = """
trtflow: 1
workflow: {workflow}
with: {{model: model.onnx, data: {{source: samples.npz}}, runner: {runner}}}
"""


@pytest.fixture
def project(tmp_path: Path, overflowing: onnx.ModelProto) -> Path:
    """A model and its samples."""
    onnx.save(overflowing, tmp_path / "model.onnx")
    np.savez(tmp_path / "samples.npz", x=np.ones((4, 4), np.float32))
    return tmp_path


@pytest.mark.parametrize("workflow", ["debug-fp16", "debug-int8"])
@pytest.mark.parametrize("runner", ["emulated", "cuda", "tensorrt", "tensorrt-rtx"])
def test_the_runner_of_a_run_searches_and_judges_and_its_facts_are_in_their_keys(
    runner: str, workflow: str, project: Path
) -> None:
    (project / "c.yaml").write_text(CONFIG.format(workflow=workflow, runner=runner))
    steps = make_plan(project / "c.yaml").steps
    for name in ("bisect", "validate"):
        assert steps[name].options["runner"] == runner
        assert set(steps[name].environment) == {"onnxruntime", *BACKENDS[runner].facts}
    assert steps["compare"].environment == ("onnxruntime",)


def test_an_engines_facts_are_its_version_the_gpu_and_the_driver() -> None:
    assert {"gpu", "driver", "tensorrt"} == set(BACKENDS["tensorrt"].facts)
    assert {"gpu", "driver", "tensorrt-rtx"} == set(BACKENDS["tensorrt-rtx"].facts)
    assert {"gpu", "driver", "onnxruntime", "onnxruntime-gpu", "cudnn", "cublas"} <= set(BACKENDS["cuda"].facts)


@pytest.mark.parametrize("step", [bisect, validate])
def test_the_emulator_decides_where_nothing_is_said(step: StepModule) -> None:
    assert step.With.model_fields["runner"].default == "emulated"


@pytest.mark.parametrize("key", ["oracle", "engine"])
def test_options_that_are_one_now_say_so_at_their_place(key: str, project: Path) -> None:
    written = f"{CONFIG.format(workflow='debug-fp16', runner='cuda')}steps: {{bisect: {{with: {{{key}: cuda}}}}}}\n"
    (project / "c.yaml").write_text(written)
    with pytest.raises(ConfigError, match=f"unknown key '{key}'") as error:
        make_plan(project / "c.yaml")
    assert "oracle and engine are `runner` now" in str(error.value)
    assert "c.yaml:5:" in str(error.value)
