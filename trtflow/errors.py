"""The errors that trtflow raises on purpose.

Everything below ``TrtflowError`` is expected: it is shown without a trace, says what was found, what was
expected and what to do, and ends the command with the class's ``status``. Anything else is a bug of ours
(status 70).

TrtflowError                    1
├── ConfigError                 2  the YAML, an override or an option is wrong; carries all problems at once
├── ModelError                  1  the ONNX file cannot be read, typed or rewritten
├── DataError                   1  samples, labels or a user's data function do not fit the model
├── MetricError                 1  a metric is unknown, fails, or lacks what it needs (labels, say)
├── PlanError                   1  a precision plan or constraints file does not fit the model
├── BackendError                1  a runner or builder is missing, or ignores what was asked
│   └── BuildError              1  an engine cannot be built from one model: nothing is known of its accuracy
│       ├── BuildCrash          1  the builder ended by a signal, or before it was done
│       └── BuildTimeout        1  the builder took longer than it may
├── LockError                   1  the lock is missing, or a locked run would change something
│   └── VerifyError             3  a verified run came out different from its lock
└── StepError                   1  a step failed: its name, why, and the end of its log
"""

from __future__ import annotations

from typing import Literal

Outcome = Literal["refusal", "crash", "time-out"]
"""How a build that made no engine ended."""


class TrtflowError(Exception):
    """Base of all expected errors. ``status`` is the exit status of the command that meets it."""

    status = 1


class ConfigError(TrtflowError):
    """The configuration is wrong. The message lists every problem with its position."""

    status = 2


class ModelError(TrtflowError):
    """The ONNX model cannot be read, typed, instrumented or rewritten."""


class DataError(TrtflowError):
    """Samples or labels are missing, malformed, or do not fit the model's inputs."""


class MetricError(TrtflowError):
    """A metric is unknown, raised, or lacks what it needs."""


class PlanError(TrtflowError):
    """A precision plan or a constraints file names what the model does not have."""


class BackendError(TrtflowError):
    """A runner or builder is not installed, not usable here, or would ignore the request."""


class BuildError(BackendError):
    """A backend that works cannot build this one model. In a search such a plan has failed, and is not bad.

    ``outcome`` is how the build ended, in a word: this class is the parser's or the builder's own refusal.
    """

    outcome: Outcome = "refusal"


class BuildCrash(BuildError):  # noqa: N818 - an outcome, as time-outs and refusals are
    """The process that builds was ended by a signal, or ended before it was done."""

    outcome = "crash"


class BuildTimeout(BuildError):  # noqa: N818 - as above
    """The process that builds took longer than it may, and was ended."""

    outcome = "time-out"


class LockError(TrtflowError):
    """The lock file is missing, or a run would differ from what it records."""


class VerifyError(LockError):
    """A run that was verified came out different from what its lock file records."""

    status = 3


class StepError(TrtflowError):
    """A step of a run failed."""
