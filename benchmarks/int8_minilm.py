"""MiniLM-L6, a sentence encoder (Apache-2.0): documents alike to people; Pearson's correlation with their judgements.

Fifty news items, each of the 1225 pairs judged by people: the set of Lee, Pincombe and Welsh, 2005. Items of the
corpus that they were drawn from calibrate; none of those is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from fetched import MINILM, SIMILARITIES, fetch
from int8_minilm_graph import build, read_safetensors
from int8_task import Array, Outputs, Task, dataset

from trtflow.data import Feed, Sample

CALIBRATING = 32


def minilm(folder: Path) -> Task:
    fetch(MINILM, folder)
    fetch(SIMILARITIES, folder)
    model = folder / "minilm.onnx"
    if not model.exists():
        aside = model.with_name(model.name + ".part")
        onnx.save(build(read_safetensors(folder / "minilm.safetensors")), aside)
        aside.replace(model)
    human = judgements(folder / "similarities0-1.txt")
    feeds = tokenised(documents(folder / "lee.cor"), folder)
    measured = [Sample(feed, np.append(index, human[index])) for index, feed in enumerate(feeds)]
    others = tokenised(documents(folder / "lee_background.cor")[:CALIBRATING], folder)
    return Task("MiniLM", model, dataset(map(Sample, others)), measured, pearson, {"pearson": {"drop": 0.0065}})


def documents(file: Path) -> list[str]:
    """One a line."""
    return file.read_text("latin-1").splitlines()


def judgements(file: Path) -> Array:
    """The similarity of each pair; the file leaves out one half."""
    upper = np.triu(np.loadtxt(file), 1)
    return upper + upper.T + np.eye(len(upper))


def tokenised(texts: Sequence[str], folder: Path) -> list[Feed]:
    """Feeds of one document each, cut or padded to 128 tokens, as the tokenizer's file says."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "minilm-tokenizer.json"))
    return [
        {
            name: np.array([ids], np.int64)
            for name, ids in (
                ("input_ids", found.ids), ("attention_mask", found.attention_mask), ("token_type_ids", found.type_ids)
            )
        }
        for found in tokenizer.encode_batch(list(texts))
    ]  # fmt: skip


def pearson(outputs: Outputs, labels: Sequence[object]) -> dict[str, float]:
    """Correlation of the embeddings' cosines with the judgements, over all pairs of the samples given."""
    found = np.concatenate([output["sentence_embedding"] for output in outputs])
    rows = np.stack([np.asarray(label) for label in labels])
    human = rows[:, 1:][:, rows[:, 0].astype(int)]
    if len(found) < 3 or not np.isfinite(found).all():
        return {"pearson": float("nan")}
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    upper = np.triu_indices(len(found), 1)
    return {"pearson": float(np.corrcoef((unit @ unit.T)[upper], human[upper])[0, 1])}
