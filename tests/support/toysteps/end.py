"""End in one of many ways."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import Literal

from trtflow.doing import doing
from trtflow.errors import BackendError
from trtflow.steps.contract import Context, Options, Result

version = 1
environment = ()
outputs = {"text": "text.txt"}


class With(Options):
    """Options of ``end``."""

    how: Literal["segv", "busy", "kill", "hang", "exit", "raise", "expected", "silent", "gate", "refuse", "well"] = (
        "well"
    )


def run(options: With, context: Context) -> Result:
    """End as ``how`` says."""
    context.log(f"about to end by {options.how}")
    if options.how == "segv":
        ctypes.string_at(0)
    if options.how == "busy":
        with doing("making a session"):
            ctypes.string_at(0)
    if options.how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if options.how == "hang":
        time.sleep(600)
    if options.how == "exit":
        sys.exit(7)
    if options.how == "raise":
        raise ZeroDivisionError("one by none")
    if options.how == "expected":
        raise BackendError("no engine here. Install one.")
    if options.how not in ("silent", "refuse"):
        (context.folder / "text.txt").write_text(options.how)
    return Result(accepted=options.how not in ("gate", "refuse"))
