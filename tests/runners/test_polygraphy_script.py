"""A user's own Polygraphy runner executes typed files, and what is wrong with it is told in its own lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from trtflow.errors import BackendError, BuildError, DataError
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.polygraphy_script import PolygraphyScript
from trtflow.runners.registry import executor
from trtflow.trt.request import EngineRequest

REQUEST = EngineRequest(Path("model.onnx"))
FEED = {"x": np.array([[1, 60, 70, -70]], np.float32)}
GOOD = """
import onnx
from trtflow.runners.emulated import TypedRunner

def load_runner(model_path):
    return TypedRunner(onnx.load(model_path))
"""
OWN = """
import numpy as np
from polygraphy.backend.base import BaseRunner
from polygraphy.common import TensorMetadata
from polygraphy.exception import PolygraphyException

Y = np.zeros((1, 4), np.float32)

class Own(BaseRunner):
    outputs, inputs = {"y": Y}, {"x": (np.float32, (1, 4))}

    def get_input_metadata_impl(self):
        found = TensorMetadata()
        for name, (kind, shape) in self.inputs.items():
            found.add(name, kind, shape)
        return found

    def infer_impl(self, feed_dict):
        return self.outputs
"""


def _script(folder: Path, source: str) -> str:
    (folder / "mine.py").write_text(source, encoding="utf-8")
    return f"{folder / 'mine.py'}:load_runner"


def _run(model: onnx.ModelProto, script: str) -> dict[str, np.ndarray]:
    with executor("polygraphy-script", REQUEST, script)(model) as runner:
        return runner(FEED)


def test_a_typed_file_is_executed_as_the_script_does(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    low = rewrite(overflowing, PrecisionPlan(FP16)).model
    with TypedRunner(low) as typed:
        expected = typed(FEED)
    found = _run(low, _script(tmp_path, GOOD))
    assert found.keys() == expected.keys()
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_the_file_is_there_as_long_as_the_runner(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    source = (
        GOOD + "    \nseen = []\nload = load_runner\ndef load_runner(at):\n    seen.append(at)\n    return load(at)\n"
    )
    script = _script(tmp_path, source)
    from trtflow.user_code import load_function

    seen = load_function(script).__globals__["seen"]
    with executor("polygraphy-script", REQUEST, script)(overflowing):
        assert Path(seen[0]).is_file()
    assert not Path(seen[0]).exists()


def test_outputs_outlive_the_next_call(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    source = (
        OWN
        + """
    def infer_impl(self, feed_dict):
        Y[:] = feed_dict["x"]
        return {"y": Y}

def load_runner(path):
    return Own()
"""
    )
    with executor("polygraphy-script", REQUEST, _script(tmp_path, source))(overflowing) as runner:
        first = runner({"x": np.full((1, 4), 1, np.float32)})["y"]
        runner({"x": np.full((1, 4), 2, np.float32)})
    assert first.tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            "def load_runner(path):\n    raise OSError('no licence')",
            BackendError,
            "load_runner raised OSError: no licence",
        ),
        (
            "def load_runner(path):\n    raise PolygraphyException('no tactic')",
            BuildError,
            "PolygraphyException: no tact",
        ),
        (
            "def load_runner(path):\n    return 3",
            BackendError,
            r"mine\.py:21\) returned int; expected \(model_path\) ->",
        ),
        (
            "def load_runner():\n    return Own()",
            BackendError,
            "cannot be called: too many positional arguments; expec",
        ),
        (
            "class Bad(Own):\n    def activate_impl(self):\n        helper()\n\n"
            "def helper():\n    raise OSError('gone')\n\n"
            "def load_runner(path):\n    return Bad()",
            BackendError,
            r"was activated, raised OSError: gone\n.*mine\.py:23 in activate_impl: helper\(\)\n.*mine\.py:26 in",
        ),
        (
            "class Bad(Own):\n    def activate_impl(self):\n        raise PolygraphyException('no tactic')\n\n"
            "def load_runner(path):\n    return Bad()",
            BuildError,
            "when it was activated, raised PolygraphyException: no tactic",
        ),
        (
            "class Bad(Own):\n    def infer_impl(self, feed_dict):\n        raise OSError('gone')\n\n"
            "def load_runner(path):\n    return Bad()",
            BackendError,
            r"when it was run, raised OSError: gone\n.*mine\.py:23 in infer_impl",
        ),
        (
            "def load_runner(path):\n    Own.outputs = {'z': Y}\n    return Own()",
            BackendError,
            "returns 'z' and lacks the output 'y': load the file",
        ),
        (
            "def load_runner(path):\n    Own.outputs = {'y': Y[:, :3]}\n    return Own()",
            BackendError,
            r"returns 'y' with the shape \[1, 3\], and the model declares \['N', 4\]",
        ),
        (
            "def load_runner(path):\n    Own.outputs = {'y': Y[0]}\n    return Own()",
            BackendError,
            r"returns 'y' with the shape \[4\], and the model declares",
        ),
        (
            "def load_runner(path):\n    Own.inputs = {'image': (np.float32, (1, 4))}\n    return Own()",
            BackendError,
            "takes 'image', and the model 'x': load the file",
        ),
    ],
)
def test_what_is_wrong_with_a_runner_is_told(
    body: str, kind: type[BackendError], said: str, overflowing: onnx.ModelProto, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=said) as raised:
        _run(overflowing, _script(tmp_path, f"{OWN}\n{body}\n"))
    assert type(raised.value) is kind


def test_onnx_runtime_on_a_cpu_does_not_judge_fp16(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    source = (
        "from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx\n\ndef load_runner(path):\n"
        "    return OnnxrtRunner(SessionFromOnnx(path, providers=['CPUExecutionProvider']))\n"
    )
    script = _script(tmp_path, source)
    assert np.isfinite(_run(overflowing, script)["y"]).all()  # in FP32 it is as good as any
    with pytest.raises(BackendError, match="executes FP16 in FP32 and so decides nothing"):
        _run(rewrite(overflowing, PrecisionPlan(FP16)).model, script)


def test_a_script_that_is_not_there_is_named(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        _run(overflowing, f"{tmp_path / 'none.py'}:load_runner")


def test_without_a_script_it_says_what_to_name() -> None:
    with pytest.raises(
        BackendError, match=r"'polygraphy-script' cannot run here: no script is named: `script: file\.py`"
    ):
        executor("polygraphy-script", {})


def test_it_is_an_engine_that_builds_nothing() -> None:
    backend = PolygraphyScript("f.py:load_runner")
    assert (backend.is_engine, backend.builds, backend.why_not(), backend.why_not_run()) == (True, False, "", "")
    assert backend.facts[0] == "polygraphy"
