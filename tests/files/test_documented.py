"""Every key of the files that programs read stands in docs/files.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from trtflow.files.data_facts import DataFacts
from trtflow.files.document import Document
from trtflow.files.machine import MachineFacts
from trtflow.files.outcomes import BuildOutcome, ModelFacts, RewriteOutcome, RunMetrics, VerdictDocument
from trtflow.files.search import SearchDocument

TOLD = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")


def documents(annotation: Any) -> Iterator[type[Document]]:
    """The documents that an annotation names, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        yield annotation
    for inner in get_args(annotation):
        yield from documents(inner)


def keys(document: type[Document]) -> Iterator[str]:
    """The keys of a document as they are written, with those of the documents inside."""
    for name, field in document.model_fields.items():
        yield field.alias or name
        for inner in documents(field.annotation):
            yield from keys(inner)


@pytest.mark.parametrize(
    "document",
    [
        BuildOutcome,
        DataFacts,
        MachineFacts,
        ModelFacts,
        RewriteOutcome,
        RunMetrics,
        SearchDocument,
        VerdictDocument,
    ],
)
def test_every_key_is_documented(document: type[Document]) -> None:
    assert [key for key in keys(document) if f"`{key}`" not in TOLD] == []
