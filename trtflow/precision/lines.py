"""YAML that people review: one line for each entry of a long map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class Flow(dict[str, Any]):
    """A map that is written on one line."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    Flow, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)


def short(value: float) -> float:
    """Six digits say enough in a file that people read."""
    return float(f"{value:.6g}")


def write_lines(document: dict[str, Any], path: Path) -> None:
    """Write ``document`` in its order; every `Flow` in it takes one line."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1_000_000, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
