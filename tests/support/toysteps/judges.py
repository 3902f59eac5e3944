"""The validate step, whose verdict is what ``$TOY_VERDICT`` says of it: measured, unproven or refused."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from trtflow.files.document import read_document, write_document
from trtflow.files.outcomes import VerdictDocument
from trtflow.steps import validate
from trtflow.steps.contract import Context, Result
from trtflow.steps.validate import With, depends, environment, outputs

CHANGES: dict[str, dict[str, Any]] = {
    "measured": {"proven": True},
    "unproven": {"proven": False},
    "refused": {"accepted": False},
}
__all__ = ["With", "depends", "environment", "outputs", "run"]
VERDICT = os.environ.get("TOY_VERDICT", "measured")
version = list(CHANGES).index(VERDICT)  # so that the store keeps them apart


def run(options: With, context: Context) -> Result:
    """Validate, and change the verdict."""
    result = validate.run(options, context)
    file = context.folder / outputs["verdict"]
    verdict = read_document(VerdictDocument, file).model_copy(update=CHANGES[VERDICT])
    write_document(verdict, file)
    return replace(result, accepted=verdict.accepted)
