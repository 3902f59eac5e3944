"""Pack what a GPU machine without a network lacks to run trtflow on ONNX Runtime's CUDA provider.

For a machine of Python 3.12 and x86-64 with PyTorch for CUDA 13 (whose wheels bring the CUDA libraries), NumPy and
onnx. Here::

    python scripts/gpu_machine.py pack .gpu              # .gpu/part-1 … .gpu/part-5, none above 48 MB

and there, once all of ``.gpu`` was carried over, in pieces where there is a limit::

    python scripts/gpu_machine.py unpack .gpu /tmp/site && . /tmp/site/environment
    python -m trtflow run configs/unet.yaml with.runner=cuda
"""

from __future__ import annotations

import argparse
import lzma
import shutil
import site
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
RUNTIME = "onnxruntime-gpu==1.31.1"
WHEELS = (
    *("annotated-doc", "annotated-types", "click", "filelock", "flatbuffers", "jinja2", "markdown-it-py"),
    *("markupsafe", "mdurl", "onnx-graphsurgeon", "pillow", "polygraphy", "pydantic", "pygments", "pyyaml", "rich"),
    *("shellingham", "typer", "typing-extensions", "typing-inspection"),
)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
PART = 47_000_000  # bytes
X86 = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}]


def main() -> None:
    """Pack here, unpack there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    pack_here = commands.add_parser("pack", help="download the wheels and cut them into parts")
    pack_here.add_argument("folder", type=Path)
    unpack_there = commands.add_parser("unpack", help="put the parts together and write FOLDER/environment")
    unpack_there.add_argument("parts", type=Path)
    unpack_there.add_argument("site", type=Path)
    options = parser.parse_args()
    if options.command == "pack":
        pack(options.folder)
    else:
        unpack(options.parts, options.site)


def pack(folder: Path) -> None:
    """Write the parts: the CUDA provider's library, compressed and cut, and last the wheels."""
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        runtime, wheels = Path(name, "runtime"), Path(name, "wheels")
        _download(runtime, RUNTIME)
        _download(wheels, *WHEELS, *_of_pydantic(wheels))
        packed = lzma.compress(_taken_out(next(runtime.iterdir()), wheels), filters=X86)
        pieces = [packed[at : at + PART] for at in range(0, len(packed), PART)]
        for number, piece in enumerate(pieces, 1):
            part = folder / f"part-{number}"
            part.mkdir(parents=True)
            (part / f"provider.{number:02}").write_bytes(piece)
        shutil.copytree(wheels, folder / f"part-{len(pieces) + 1}")
    for part in sorted(folder.iterdir()):
        size = sum(file.stat().st_size for file in part.iterdir())
        sys.stdout.write(f"{part} {size / 1e6:.1f} MB\n")


def unpack(parts: Path, target: Path) -> None:
    """Install the wheels into ``target``, put the provider's library there, and write ``target/environment``."""
    files = sorted(file for file in parts.rglob("*") if file.is_file())
    wheels = [str(file) for file in files if file.suffix == ".whl"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--upgrade"]
    subprocess.run([*pip, "--target", str(target), *wheels], check=True)  # noqa: S603
    packed = b"".join(file.read_bytes() for file in files if file.name.startswith("provider."))
    (target / PROVIDER).write_bytes(lzma.decompress(packed))
    libraries = ":".join(_libraries())
    (target / "environment").write_text(
        f'export PYTHONPATH="{target}:$PWD" LD_LIBRARY_PATH="{libraries}:$LD_LIBRARY_PATH"\n', encoding="utf-8"
    )


def _download(folder: Path, *names: str) -> None:
    target = ["--python-version", "3.12", "--implementation", "cp", "--only-binary=:all:", "--no-deps"]
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pip = [sys.executable, "-m", "pip", "download", "-q", *target, *platforms, "-d", str(folder)]
    subprocess.run([*pip, *names], check=True)  # noqa: S603


def _of_pydantic(wheels: Path) -> Iterator[str]:
    """The core that pydantic wants, of exactly one version."""
    _download(wheels, "pydantic")
    wheel = next(wheels.glob("pydantic-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith("/METADATA"))
        lines = archive.read(name).decode().splitlines()
    yield from (line.split(": ")[1] for line in lines if line.startswith("Requires-Dist: pydantic-core"))


def _taken_out(wheel: Path, folder: Path) -> bytes:
    """The provider's library; the wheel without it goes to ``folder``."""
    lean = folder / wheel.name
    with zipfile.ZipFile(wheel) as full, zipfile.ZipFile(lean, "w", zipfile.ZIP_DEFLATED) as rest:
        for entry in full.infolist():
            if entry.filename != PROVIDER and "providers_tensorrt" not in entry.filename:
                rest.writestr(entry, full.read(entry))
        return full.read(PROVIDER)


def _libraries() -> Iterator[str]:
    """The folders of NVIDIA's libraries that PyTorch's wheels brought."""
    for folder in site.getsitepackages():
        yield from map(str, sorted(Path(folder, "nvidia").glob("**/lib")))


if __name__ == "__main__":
    main()
