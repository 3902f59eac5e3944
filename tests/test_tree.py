"""The tree in CONTRIBUTING.md is that of the sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_contributing_names_every_module_with_its_own_sentence() -> None:
    spec = importlib.util.spec_from_file_location("tree", ROOT / "scripts" / "tree.py")
    assert spec is not None
    assert spec.loader is not None
    tree = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tree)
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "  calibrate.py" in page
    assert tree.written(page) == page, "run `make tree`"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "trtflow").rglob("*.py")
        if file.name != "__init__.py" and not file.read_text(encoding="utf-8").startswith('"""')
    ]
    assert silent == []
