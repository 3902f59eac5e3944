"""The classes of ours that TensorRT calls, one a base: what ``probe`` makes of each version's real ones."""

from __future__ import annotations

from typing import Any


def make_listener(module: Any, heard: list[Any]) -> Any:
    """Debug tensors, as TensorRT hands them out: an address on the device, never copied here."""

    class Listener(module.IDebugListener):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IDebugListener.__init__(self)

        def process_debug_tensor(
            self, addr: Any, location: Any, kind: Any, shape: Any, name: str, stream: int
        ) -> bool:
            heard.append([name, location.name, kind.name, list(shape)])
            return True

    return Listener()


def make_monitor(module: Any, heard: list[Any]) -> Any:
    """Phases and steps of a build."""

    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            heard.append([phase_name, num_steps])

        def step_complete(self, phase_name: str, step: int) -> bool:
            heard.append([phase_name, step])
            return True

        def phase_finish(self, phase_name: str) -> None:
            heard.append([phase_name])

    return Monitor()


def make_logger(module: Any, heard: list[Any]) -> Any:
    """What TensorRT says, with how grave it is."""

    class Logger(module.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            heard.append([severity.name, msg])

    return Logger()
