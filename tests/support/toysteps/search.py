"""Evaluate numbers one by one, remembering each, and leave a mark for each that was really evaluated."""

from __future__ import annotations

import json
import time
from pathlib import Path

from trtflow.steps.contract import Context, Options, Result

version = 1
environment = ()
outputs = {"found": "found.json"}


class With(Options):
    """Options of ``search``. ``marks`` is a plain string on purpose: its content is not part of the key."""

    marks: str
    count: int = 5
    seconds: float = 0.0


def run(options: With, context: Context) -> Result:
    """Square the numbers up to ``count``."""
    squares = {}
    for number in range(options.count):
        context.progress(number, options.count, "squares")
        found = context.memo.get({"number": number})
        if found is None:
            time.sleep(options.seconds)
            found = {"square": number * number}
            context.memo.put({"number": number}, found)
            with Path(options.marks).open("a") as marks:
                marks.write(f"{number}\n")
        squares[number] = found["square"]
    (context.folder / "found.json").write_text(json.dumps(squares))
    return Result(metrics={"sum": sum(squares.values())})
