"""What a run tells of nodes in bodies of control flow."""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.tasks.documents import Documents
from trtflow.text import listed


def bodies_mark(documents: Documents) -> Iterator[str]:
    """That nothing is known of the inside of some bodies."""
    unseen = documents.statistics.unseen if documents.statistics else ()
    if unseen:
        nodes, are = ("node", "is") if len(unseen) == 1 else ("nodes", "are")
        yield f"{len(unseen)} {nodes} in bodies of control flow {are} searched, but not looked into: {listed(unseen)}"
