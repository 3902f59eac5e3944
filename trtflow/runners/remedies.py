"""What to do where a runner lacks something: the one place that says it, for errors and for ``trtflow doctor``."""

from __future__ import annotations

import importlib.util
import platform
import shlex
import sys
from dataclasses import dataclass, field

from trtflow.driver import ask_driver, jetson
from trtflow.runners.importing import imported

NVIDIA_INDEX = "https://pypi.nvidia.com"
CUDA_13 = 13
FROM_JETPACK = "sudo apt-get install python3-libnvinfer"
NO_GPU = "there is no GPU"
ELSEWHERE = "use a machine that has one, or start the container with `docker run --gpus all`"
WEAK = "11 and newer have no weak typing: `typing: weak` needs 'tensorrt<11'."


@dataclass(frozen=True)
class Host:
    """What decides which command installs a thing: ``cuda`` is the newest major version that the driver takes."""

    system: str = field(default_factory=platform.system)
    machine: str = field(default_factory=platform.machine)
    jetson: str = field(default_factory=jetson)
    cuda: int = field(default_factory=lambda: int(ask_driver().cuda.partition(".")[0] or 0))

    @property
    def is_x86(self) -> bool:
        """Whether most wheels are made for it."""
        return self.machine in ("x86_64", "AMD64")

    @property
    def says(self) -> str:
        """System and machine, for messages."""
        return f"Jetson Linux {self.jetson}" if self.jetson else f"{self.system} {self.machine}"


@dataclass(frozen=True)
class Remedy:
    """``command``: what installs it, as it is typed; empty where there is none. ``note``: what else to know."""

    command: str = ""
    note: str = ""


def cannot_run(runner: str, reason: str) -> str:
    """The error where ``runner`` cannot execute anything here for ``reason``: with what to do, a line each."""
    found = remedy(runner)
    install = f"To install it:\n  {found.command}" if found.command else ""
    lines = (f"'{runner}' cannot run here: {reason}.", install, found.note, gpu_hint() if "GPU" in reason else "")
    return "\n".join(line for line in (*lines, "`runner: emulated` needs no engine.") if line)


def remedy(runner: str, host: Host | None = None) -> Remedy:
    """What to do for ``runner`` on ``host``, by default this machine; nothing where nothing can be installed."""
    here = host or Host()
    if runner == "cuda" and "CUDAExecutionProvider" not in imported("onnxruntime").providers:
        return _cuda(here)
    if runner == "torch" and why_not_imported("torch"):
        return _torch(here)
    if runner == "tensorrt" and why_not_imported("tensorrt"):
        return _tensorrt(here)
    return _rtx(here) if runner == "tensorrt-rtx" and why_not_imported("tensorrt_rtx") else Remedy()


def why_not_imported(module: str) -> str:
    """Why ``module`` cannot be used; empty where it can."""
    found = imported(module)
    if found.absent:
        return f"{module} is not installed"
    return f"importing {module}, which is installed, {found.failed}" if found.failed else ""


def gpu_hint() -> str:
    """Why there is no GPU, and what to do; empty where there is one."""
    found = ask_driver()
    elsewhere = "" if found.cuda else f"; {ELSEWHERE}"  # a driver that is there says what is wrong
    return "" if found.devices else f"No GPU: {found.none}{elsewhere}."


def _cuda(host: Host) -> Remedy:
    if not host.is_x86:
        return Remedy(
            note=f"PyPI has no onnxruntime-gpu for {host.says}: take a wheel of your JetPack, or build ONNX Runtime "
            "with --use_cuda"
        )
    note = "Both wheels write the same package, so the one for CPUs goes first."
    wheel = "onnxruntime-gpu[cuda,cudnn]"
    removed = f"{pip('uninstall', '-y', 'onnxruntime')} && " if not imported("onnxruntime").absent else ""
    return Remedy(removed + pip("install", wheel), note if removed else "")


def _torch(host: Host) -> Remedy:
    if host.jetson:
        return Remedy(note="On a Jetson, take the wheel of PyTorch that NVIDIA makes for your JetPack.")
    if host.system != "Linux":
        return Remedy(note=f"PyPI's PyTorch for {host.says} has no CUDA: https://pytorch.org says which wheel does.")
    return Remedy(pip("install", "torch"), "PyPI's wheel for Linux brings CUDA, some gigabytes.")


def _tensorrt(host: Host) -> Remedy:
    if host.jetson:
        return Remedy(
            FROM_JETPACK,
            "On a Jetson, TensorRT comes with JetPack, for the system's own Python: make your environment with "
            "`python3 -m venv --system-site-packages`.",
        )
    wheel = f"tensorrt-cu{min(host.cuda, CUDA_13)}" if host.cuda >= CUDA_13 - 1 else "tensorrt"
    return Remedy(
        pip("install", *_again("tensorrt"), wheel, "--extra-index-url", NVIDIA_INDEX),
        f"PyPI holds the bindings only, and their import fails without the library (libnvinfer), which lies in "
        f"NVIDIA's index. {WEAK}",
    )


def _rtx(host: Host) -> Remedy:
    if not host.is_x86 or host.jetson:
        return Remedy(
            note=f"There is no tensorrt-rtx for {host.says}: its wheels are for Linux and Windows on x86-64."
        )
    return Remedy(
        pip("install", *_again("tensorrt_rtx"), "tensorrt-rtx"),
        "It builds without a GPU, and runs on Turing to Blackwell, not Hopper.",
    )


def _again(module: str) -> tuple[str, ...]:
    """What makes pip install a wheel that is there, and broken: it may have kept a stub."""
    return () if imported(module).absent else ("--force-reinstall", "--no-cache-dir")


def pip(verb: str, *words: str) -> str:
    """The command line of pip for the Python that runs this: uv's where that Python has no pip."""
    if importlib.util.find_spec("pip") is not None:
        return shlex.join([sys.executable, "-m", "pip", verb, *words])
    words = tuple(word for word in words if word != "-y")  # uv asks nothing
    return shlex.join(["uv", "pip", verb, "--python", sys.executable, *words])
