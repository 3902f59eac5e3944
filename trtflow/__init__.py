"""Find the layers that FP16 or INT8 breaks, keep just those in higher precision, and prove the result.

    import trtflow

    model = trtflow.load("unet.onnx").model
    data = trtflow.open_data("eval.npz", model, labels="masks")
    decided = trtflow.bisect(model, data, accept={"iou": {"drop": 0.005}})
    trtflow.save(trtflow.rewrite(model, decided.plan).model, "unet.mixed.onnx")

Names are resolved when they are first used (PEP 562), so that importing this costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trtflow.data import Dataset as Dataset
    from trtflow.data import Sample as Sample
    from trtflow.engine.api import run as run
    from trtflow.errors import BackendError as BackendError
    from trtflow.errors import BuildError as BuildError
    from trtflow.errors import ConfigError as ConfigError
    from trtflow.errors import DataError as DataError
    from trtflow.errors import LockError as LockError
    from trtflow.errors import MetricError as MetricError
    from trtflow.errors import ModelError as ModelError
    from trtflow.errors import PlanError as PlanError
    from trtflow.errors import StepError as StepError
    from trtflow.errors import TrtflowError as TrtflowError
    from trtflow.files.constraints import read_constraints as read_constraints
    from trtflow.files.constraints import write_constraints as write_constraints
    from trtflow.model.load import load as load
    from trtflow.model.load import save as save
    from trtflow.plan import PrecisionPlan as PrecisionPlan
    from trtflow.rewriting.apply import apply as apply
    from trtflow.search.ledger import Budget as Budget
    from trtflow.tasks.bisect import bisect as bisect
    from trtflow.tasks.bisection import BisectSettings as BisectSettings
    from trtflow.tasks.build import build as build
    from trtflow.tasks.calibrate import calibrate as calibrate
    from trtflow.tasks.check_data import check_data as check_data
    from trtflow.tasks.compare import compare as compare
    from trtflow.tasks.cure import cure as cure
    from trtflow.tasks.data import open_data as open_data
    from trtflow.tasks.diagnose import diagnose as diagnose
    from trtflow.tasks.emulate import emulate as emulate
    from trtflow.tasks.export import export as export
    from trtflow.tasks.quantize import quantize as quantize
    from trtflow.tasks.rewrite import rewrite as rewrite
    from trtflow.tasks.searching import SearchSettings as SearchSettings
    from trtflow.tasks.validate import validate as validate

    __version__: str

_HOMES = {
    "BackendError": "trtflow.errors",
    "BisectSettings": "trtflow.tasks.bisection",
    "Budget": "trtflow.search.ledger",
    "BuildError": "trtflow.errors",
    "ConfigError": "trtflow.errors",
    "DataError": "trtflow.errors",
    "Dataset": "trtflow.data",
    "LockError": "trtflow.errors",
    "MetricError": "trtflow.errors",
    "ModelError": "trtflow.errors",
    "PlanError": "trtflow.errors",
    "PrecisionPlan": "trtflow.plan",
    "Sample": "trtflow.data",
    "SearchSettings": "trtflow.tasks.searching",
    "StepError": "trtflow.errors",
    "TrtflowError": "trtflow.errors",
    "apply": "trtflow.rewriting.apply",
    "bisect": "trtflow.tasks.bisect",
    "build": "trtflow.tasks.build",
    "calibrate": "trtflow.tasks.calibrate",
    "check_data": "trtflow.tasks.check_data",
    "compare": "trtflow.tasks.compare",
    "cure": "trtflow.tasks.cure",
    "diagnose": "trtflow.tasks.diagnose",
    "emulate": "trtflow.tasks.emulate",
    "export": "trtflow.tasks.export",
    "load": "trtflow.model.load",
    "open_data": "trtflow.tasks.data",
    "quantize": "trtflow.tasks.quantize",
    "read_constraints": "trtflow.files.constraints",
    "rewrite": "trtflow.tasks.rewrite",
    "run": "trtflow.engine.api",
    "save": "trtflow.model.load",
    "validate": "trtflow.tasks.validate",
    "write_constraints": "trtflow.files.constraints",
}

__all__ = sorted(["__version__", *_HOMES])


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("trtflow")
    if name not in _HOMES:
        raise AttributeError(f"module 'trtflow' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
