"""Where workflows are: built in by name, or a file beside the config."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def builtin_folder() -> Path:
    """The folder of the built-in workflows: inside the package in a wheel, else beside it in the repository."""
    packaged = PACKAGE / "workflows"
    return packaged if packaged.is_dir() else PACKAGE.parent / "workflows"


def builtins(folder: Path | None = None) -> dict[str, Path]:
    """Name → file of every built-in workflow."""
    return {path.stem: path for path in sorted((folder or builtin_folder()).glob("*.yaml"))}


def is_path(name: str) -> bool:
    """Whether ``workflow:`` names a file rather than a built-in workflow."""
    return name.endswith((".yaml", ".yml")) or "/" in name
