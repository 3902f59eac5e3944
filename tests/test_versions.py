"""A version is told by what is imported, too, since wheels of one package go by several names."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from trtflow.versions import installed, release, tools


@pytest.fixture(autouse=True)
def _accelerated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package ``accelerated`` is here, from the wheel ``accelerated-gpu`` alone, and ``bare`` from none."""
    wheel = tmp_path / "accelerated_gpu-2.7.1.post4.dist-info"
    for folder in (wheel, tmp_path / "accelerated", tmp_path / "bare"):
        folder.mkdir()
    (tmp_path / "copied").mkdir()
    for package in ("accelerated", "bare", "copied"):
        (tmp_path / package / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "copied" / "__init__.py").write_text("import missing\n__version__ = '10.13.0'\n")
    (wheel / "METADATA").write_text("Metadata-Version: 2.1\nName: accelerated-gpu\nVersion: 2.7.1.post4\n")
    (wheel / "top_level.txt").write_text("accelerated\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("onnx", version("onnx")),
        ("PyYAML", version("pyyaml")),
        ("yaml", version("pyyaml")),
        ("accelerated-gpu", "2.7.1.post4"),
        ("accelerated", "2.7.1.post4"),
        ("copied", "10.13.0"),
        ("bare", None),
        ("no-such-package", None),
    ],
)
def test_a_version_is_found_by_distribution_or_by_package_without_importing_it(name: str, expected: str) -> None:
    assert installed(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("accelerated", (2, 7, 1)), ("bare", None), ("no-such-package", None)]
)
def test_a_release_is_three_numbers(name: str, expected: tuple[int, int, int] | None) -> None:
    assert release(name) == expected


def test_what_made_a_file_is_recorded_even_where_its_version_is_not_told() -> None:
    assert tools("accelerated", "bare") == {"accelerated": "2.7.1.post4", "bare": "unknown"}
