"""The child process that loads a file in ONNX Runtime and runs one sample: ``python -m trtflow.runners.trial_child``.

It is given a folder with ``task.json`` and ``feed.npz``, leaves ``outputs.npz`` there, and says on standard error why
it cannot. ONNX Runtime crashes on some FP16 graphs, which ends this process and no other.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from trtflow.files.runtime_trial import Attempt

READABLE = frozenset({"tensor(float)", "tensor(float16)", "tensor(double)"})
UNFED = frozenset({"tensor(bfloat16)"})
"""What NumPy lacks: samples hold it as FP32."""


def main(folder: Path) -> int:
    """Do what the task says; 0 when it is done, 1 when ONNX Runtime refuses."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    setting = Attempt.model_validate(task["setting"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, setting.level)
    for name, value in setting.entries.items():
        options.add_session_config_entry(name, value)
    for library in task["libraries"]:
        options.register_custom_ops_library(library)
    more = {"providers": ["CPUExecutionProvider"], "disabled_optimizers": list(setting.disabled)}
    try:
        session = onnxruntime.InferenceSession(task["model"], options, **more)
        if task["inputs"] and not any(value.type in UNFED for value in session.get_inputs()):
            _run(session, task["inputs"], folder)
    except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(session: onnxruntime.InferenceSession, inputs: list[str], folder: Path) -> None:
    with np.load(folder / "feed.npz") as arrays:
        feed = {name: arrays[f"arr_{index}"] for index, name in enumerate(inputs)}
    wanted = [value.name for value in session.get_outputs() if value.type in READABLE]
    found = session.run(wanted or None, feed)
    np.savez(folder / "outputs.npz", *found[: len(wanted)])
    (folder / "outputs.json").write_text(json.dumps(wanted), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
