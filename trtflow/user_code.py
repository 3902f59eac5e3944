"""The user's own code: functions named by ``file.py:function``, and errors that point into the file.

A relative path in it means what it means in the current folder: a step runs in the folder of the config.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from trtflow.errors import DataError, TrtflowError

Function = Callable[..., Any]


def load_function(reference: str) -> Function:
    """The function that ``path/to/file.py:function`` names.

    Raises:
        DataError: the file or the function does not exist, or the file raises when it is imported.
    """
    file, _, name = reference.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise DataError(f"{reference}: the file {path} does not exist; expected file.py:function.")
    module = _import(path)
    function = getattr(module, name, None)
    if not callable(function):
        offered = ", ".join(n for n, v in vars(module).items() if callable(v) and not n.startswith("_"))
        raise DataError(f"{reference}: {path.name} has no function '{name}'; it has: {offered or 'none'}.")
    return function  # type: ignore[no-any-return]


def _import(path: Path) -> ModuleType:
    """The module in ``path``; the one that is there already while the file stays the same.

    Its folder can be imported from, from now on: a function may import what lies beside it when it is called.
    """
    digest = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()
    name = f"trtflow_user_{path.stem}_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} cannot be imported; expected a Python file.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    sys.modules[name] = module  # dataclasses look up the module that they are defined in
    try:
        with blamed(DataError, f"{shown(path)}, when it was imported,", folder):
            spec.loader.exec_module(module)
    except TrtflowError:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)
    return module


@contextlib.contextmanager
def blamed(kind: type[TrtflowError], who: str, folder: str) -> Iterator[None]:
    """Whatever is raised inside becomes an error of ``kind`` that shows where in ``folder``; ours pass.

    A KeyboardInterrupt passes where a key may have been pressed; a step has no keyboard.

    Raises:
        TrtflowError: something was raised.
    """
    try:
        yield
    except TrtflowError:
        raise
    except (Exception, SystemExit) as error:
        raise kind(_told(error, who, folder)) from error
    except KeyboardInterrupt as error:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            raise
        raise kind(_told(error, who, folder)) from error


def _told(error: BaseException, who: str, folder: str) -> str:
    """``who`` raised what, each line of the user's own on the way there, and from where it ran."""
    said = f": {error}" if str(error) else ""
    lines = [f"{who} raised {type(error).__name__}{said}"]
    lines += [f"  {shown(Path(at.filename))}:{at.lineno} in {at.name}: {at.line}" for at in _own(error, folder)]
    return "\n".join([*lines, f"It ran in {Path.cwd()}, where relative paths begin."])


def _own(error: BaseException, folder: str) -> list[traceback.FrameSummary]:
    """The frames of files in ``folder``, and of the file that cannot be parsed."""
    inside = str(Path(folder).resolve()) + os.sep
    frames = traceback.extract_tb(error.__traceback__)
    found = [frame for frame in frames if frame.filename.startswith(inside) and "site-packages" not in frame.filename]
    if isinstance(error, SyntaxError) and error.filename:
        line = (error.text or "").strip()
        found.append(traceback.FrameSummary(error.filename, error.lineno, "the file", lookup_line=False, line=line))
    cause = error.__cause__  # of a StopIteration in a generator, which has no frame of it
    return found or (_own(cause, folder) if cause else [])


def called(function: Function, *arguments: object, kind: type[TrtflowError], who: str, expected: str) -> Any:
    """What ``function`` returns for ``arguments``; ``expected`` is the signature that it should have.

    Raises:
        TrtflowError: it takes other arguments, or raises.
    """
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise kind(f"{who} ({place(function)}) cannot be called: {error}; expected {expected}.") from error
    except ValueError:
        pass  # a function without a signature that can be read
    with blamed(kind, who, folder_of(function)):
        return function(*arguments)


def folder_of(function: Function) -> str:
    """The folder of the file that defines ``function``."""
    return str(Path(_code(function)[0]).parent)


def place(function: Function) -> str:
    """``file.py:12`` for where ``function`` is defined."""
    file, line = _code(function)
    return f"{shown(Path(file))}:{line}"


def _code(function: Function) -> tuple[str, int]:
    code = getattr(inspect.unwrap(function), "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (str(getattr(function, "__module__", "?")), 0)


def shown(path: Path) -> str:
    """``path`` as it is called from the current folder, if it lies in it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
