"""``data.json``: the samples that judge, what is to be known of them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from trtflow.files.document import Document


class DataFacts(Document):
    """How many samples there are, how many of them differ, and the marks: why they may judge badly, a sentence each.

    ``source`` is the file's or function's name, without its folder. ``batches``: input whose first dimension is free
    → the largest that a sample has.
    """

    source: str
    samples: int
    distinct: int
    marks: tuple[str, ...] = ()
    batches: Mapping[str, int] = Field(default_factory=dict)
