"""The examples are scripts, not a package: they are loaded from their files."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load(path: Path) -> ModuleType:
    """The module of a script, without running its main."""
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def generate() -> ModuleType:
    return load(ROOT / "models" / "unet" / "generate.py")


@pytest.fixture(scope="session")
def ppocr() -> ModuleType:
    return load(ROOT / "configs" / "ppocr_det.py")


@pytest.fixture(scope="session")
def pypi() -> ModuleType:
    return load(ROOT / "scripts" / "pypi.py")
