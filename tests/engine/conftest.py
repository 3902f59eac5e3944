from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from toyrun import TOYS, Toy

from trtflow.engine.plan import Plan, make_plan


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A folder with a config, a workflow and a store of its own, and the fake steps."""
    monkeypatch.chdir(tmp_path)
    return Toy(tmp_path)


@pytest.fixture
def plan_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Write a config and a workflow, and plan them."""
    monkeypatch.chdir(tmp_path)

    def make(workflow: str, config: str, overrides: Sequence[str] = ()) -> Plan:
        (tmp_path / "flow.yaml").write_text(workflow)
        (tmp_path / "toy.yaml").write_text(config)
        return make_plan(Path("toy.yaml"), overrides, steps=TOYS)

    return make
