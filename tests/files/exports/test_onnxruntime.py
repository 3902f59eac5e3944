"""ONNX Runtime is to obey the types of the mixed ONNX."""

from __future__ import annotations

import json

import pytest
from decisions import decision

from trtflow.files.exports import onnxruntime
from trtflow.files.runtime_trial import Attempt, RuntimeTrial, sentence


def test_onnx_runtime_is_told_to_obey_the_types() -> None:
    document = json.loads(onnxruntime.write(decision()))
    assert document["valid-for"].startswith("onnxruntime-gpu 1.17 and later")
    (first, options), (second, others) = document["providers"]
    assert first == "TensorrtExecutionProvider"
    assert not options["trt_fp16_enable"]
    assert not options["trt_int8_enable"]
    assert (second, others["use_tf32"]) == ("CUDAExecutionProvider", 0)


CRASH = Attempt(failed="crashes (SIGSEGV) on the file")
DEFAULT = {"graph-optimization-level": "ORT_ENABLE_ALL", "disabled-optimizers": [], "config-entries": {}}


@pytest.mark.parametrize(
    ("attempts", "session"),
    [
        ((Attempt(),), DEFAULT),
        ((CRASH, Attempt(level="ORT_DISABLE_ALL")), {**DEFAULT, "graph-optimization-level": "ORT_DISABLE_ALL"}),
        (
            (CRASH, Attempt(disabled=("One",), entries={"key": "1"})),
            {**DEFAULT, "disabled-optimizers": ["One"], "config-entries": {"key": "1"}},
        ),
        ((CRASH,), None),
    ],
    ids=["the default", "a level", "optimisers", "nothing helps"],
)
def test_the_session_that_runs_the_file_on_a_cpu_stands_beside_what_was_seen(
    attempts: tuple[Attempt, ...], session: object
) -> None:
    trial = RuntimeTrial(version="1.32.0", attempts=attempts)
    document = json.loads(onnxruntime.providers(trial))
    assert document.pop("cpu") == {"said": sentence(trial), "session": session}
    assert document == json.loads(onnxruntime.write(decision())) == json.loads(onnxruntime.providers())
