"""Fetches PP-OCRv4 text detection (Apache-2.0) from its PyPI package: ``models/fetched/ppocr-det.onnx``.

``make fetch-ppocr`` runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pypi import FetchError, Member, Package, fetch

FOLDER = Path(__file__).parents[1] / "models" / "fetched"
PACKAGE = Package(
    "rapidocr-onnxruntime==1.4.4",
    {
        "ppocr-det.onnx": Member(
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
            "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        )
    },
)


def main() -> None:
    try:
        fetch(PACKAGE, FOLDER)
    except FetchError as error:
        sys.exit(str(error))
    sys.stdout.writelines(f"{FOLDER / name}\n" for name in PACKAGE.members)


if __name__ == "__main__":
    main()
