"""Look back at other steps."""

from __future__ import annotations

import json

from trtflow.steps.contract import Context, Options, Result, Steps

version = 1
environment = ()
outputs = {"summary": "summary.json"}
published = {"summary": "summary.json"}


class With(Options):
    """Options of ``gather``."""

    of: Steps


def run(options: With, context: Context) -> Result:
    """Write what became of the steps."""
    document = {
        record.name: [record.status, record.error, sorted(record.outputs), bool(record.log)] for record in options.of
    }
    (context.folder / "summary.json").write_text(json.dumps(document))
    return Result(summary=f"{len(options.of)} steps")
