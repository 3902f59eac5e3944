from __future__ import annotations

from pathlib import Path

import pytest
from toyrun import Toy


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A folder with a config, a workflow and a store of its own, and the fake steps."""
    monkeypatch.chdir(tmp_path)
    return Toy(tmp_path)
