"""The steps that come with trtflow. Third parties add theirs by the entry point group ``trtflow.steps``."""

STEPS: dict[str, str] = {
    "bisect": "trtflow.steps.bisect",
    "build": "trtflow.steps.build",
    "calibrate": "trtflow.steps.calibrate",
    "check-calibration": "trtflow.steps.check_calibration",
    "compare": "trtflow.steps.compare",
    "constrain": "trtflow.steps.constrain",
    "cure": "trtflow.steps.cure",
    "diagnose": "trtflow.steps.diagnose",
    "inspect": "trtflow.steps.inspect",
    "quantize": "trtflow.steps.quantize",
    "report": "trtflow.steps.report",
    "rewrite": "trtflow.steps.rewrite",
    "run": "trtflow.steps.run",
    "validate": "trtflow.steps.validate",
}
