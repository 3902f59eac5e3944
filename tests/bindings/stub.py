"""TensorRT's real Python bindings, importable without TensorRT.

The compiled bindings are on PyPI, the library behind them is not. They import once every entry point that they need
is defined, so stub libraries define them and do nothing: enums, signatures and the classes that users subclass
(calibrators, listeners, monitors, loggers) are real; a Builder cannot be made.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEELS = {
    "8.6.1": "tensorrt-bindings==8.6.1",
    "10.0.1": "tensorrt-cu12-bindings==10.0.1",
    "10.16.1": "tensorrt-cu12-bindings==10.16.1.11",
    "11.4.0": "tensorrt-cu12-bindings==11.4.0.106",
}
TOOLS = ("cc", "nm", "objdump")
ENTRY_POINT = re.compile(r"^_ZN\d*nv|Infer|NvOnnx|PluginRegistry")
LIBRARY = re.compile(r"NEEDED\s+(lib(?:nv|tensorrt)\S+)")
PACKAGE = """import sys
from bindings import tensorrt as _compiled
from bindings.tensorrt import *
__version__ = "{version}"
"""


class UnavailableError(Exception):
    """What is missing to make the bindings of a version here."""


def bindings(version: str, cache: Path) -> Path:
    """A folder with ``site``, to be put on PYTHONPATH, and ``lib``, on LD_LIBRARY_PATH; made once, then kept.

    Raises:
        UnavailableError: there is no C compiler, or pip finds no wheel for this interpreter.
    """
    folder = cache / f"{version}-{sys.implementation.cache_tag}"
    if folder.exists():
        return folder
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise UnavailableError(f"{', '.join(missing)} not found: apt-get install gcc binutils")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "made"
        _unpack(_download(WHEELS[version], Path(scratch)), made / "site", version)
        _stub(made / "site" / "bindings" / "tensorrt.so", made / "lib")
        with contextlib.suppress(OSError):  # another process has made it meanwhile
            made.rename(folder)
    return folder


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--dest", str(folder), requirement], check=False, capture_output=True, text=True)
    if done.returncode:
        raise UnavailableError(f"pip cannot download {requirement}: {done.stderr.strip().splitlines()[-1]}")
    return next(folder.glob("*.whl"))


def _unpack(wheel: Path, site: Path, version: str) -> None:
    """The compiled module as ``bindings.tensorrt``: the package that it comes in looks for the library."""
    package = site / "tensorrt"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE.format(version=version))
    (site / "bindings").mkdir()
    (site / "bindings" / "__init__.py").touch()
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if re.search(r"/tensorrt[^/]*\.so$", name))
        (site / "bindings" / "tensorrt.so").write_bytes(archive.read(member))


def _stub(compiled: Path, libraries: Path) -> None:
    libraries.mkdir()
    symbols = [line.split()[-1] for line in _said("nm", "-D", "--undefined-only", str(compiled)).splitlines()]
    wanted = filter(ENTRY_POINT.search, symbols)
    lines = [f'void* f{i}(void) __asm__("{name}"); void* f{i}(void) {{ return 0; }}' for i, name in enumerate(wanted)]
    source = libraries / "stub.c"
    source.write_text("\n".join(lines))
    for name in LIBRARY.findall(_said("objdump", "-p", str(compiled))):
        _said("cc", "-shared", "-fPIC", "-o", str(libraries / name), str(source))


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
