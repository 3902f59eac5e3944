"""The build step with a builder that is told by ``$TOY_BUILDS`` what it builds: all, original, or none."""

from __future__ import annotations

import os
from pathlib import Path

import onnx

from trtflow.errors import BuildError
from trtflow.progress import Progress
from trtflow.steps import build
from trtflow.steps.build import With, environment, optional, outputs, published
from trtflow.steps.contract import Context, Result
from trtflow.tasks import build as task
from trtflow.trt.built import EngineBuild
from trtflow.trt.request import EngineRequest

__all__ = ["With", "environment", "optional", "outputs", "published", "run"]
BUILDS = os.environ.get("TOY_BUILDS", "all")
version = ("all", "original", "none").index(BUILDS)  # so that the store keeps them apart


def run(options: With, context: Context) -> Result:
    """Build with the builder of this module."""
    task.find_backend = lambda: ("toy", "")
    task.typing_on = lambda name, settings: "strong"
    task.isolated.build = _build
    return build.run(options, context)


def _build(request: EngineRequest, flavour: str, destination: Path, progress: Progress) -> EngineBuild:
    mixed = any(node.op_type == "Cast" for node in onnx.load(request.model).graph.node)
    if BUILDS == "none" or (BUILDS == "original" and mixed):
        raise BuildError("toy does not build it: no kernel.")
    destination.write_bytes(b"engine")
    return EngineBuild(flavour, "1", 0.1, 6, {"half": 3}, uninspected="a toy has no layers")
