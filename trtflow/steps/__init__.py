"""The steps that come with trtflow. Third parties add theirs by the entry point group ``trtflow.steps``."""

from __future__ import annotations

from typing import TYPE_CHECKING

STEPS: dict[str, str] = {
    "bisect": "trtflow.steps.bisect",
    "build": "trtflow.steps.build",
    "calibrate": "trtflow.steps.calibrate",
    "check-calibration": "trtflow.steps.check_calibration",
    "check-data": "trtflow.steps.check_data",
    "compare": "trtflow.steps.compare",
    "constrain": "trtflow.steps.constrain",
    "cure": "trtflow.steps.cure",
    "diagnose": "trtflow.steps.diagnose",
    "inspect": "trtflow.steps.inspect",
    "pairs": "trtflow.steps.pairs",
    "quantize": "trtflow.steps.quantize",
    "report": "trtflow.steps.report",
    "rewrite": "trtflow.steps.rewrite",
    "run": "trtflow.steps.run",
    "validate": "trtflow.steps.validate",
}

if TYPE_CHECKING:  # a module is imported when a config uses it; a type checker holds all of them to the protocol
    from trtflow.steps import (
        bisect,
        build,
        calibrate,
        check_calibration,
        check_data,
        compare,
        constrain,
        cure,
        diagnose,
        inspect,
        pairs,
        quantize,
        report,
        rewrite,
        run,
        validate,
    )
    from trtflow.steps.contract import StepModule

    CHECKED: tuple[StepModule, ...] = (
        bisect,
        build,
        calibrate,
        check_calibration,
        check_data,
        compare,
        constrain,
        cure,
        diagnose,
        inspect,
        pairs,
        quantize,
        report,
        rewrite,
        run,
        validate,
    )
