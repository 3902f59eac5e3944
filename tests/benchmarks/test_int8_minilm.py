"""MiniLM's graph on small weights, its weights' file, its judgements and its metric."""

from __future__ import annotations

import json
from pathlib import Path

import int8_minilm_graph as graph
import numpy as np
import onnxruntime
import pytest
from int8_minilm import judgements, pearson
from int8_task import Array

WIDTH, LONGEST = 8, 6


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> dict[str, Array]:
    """A network of one narrow layer."""
    monkeypatch.setattr(graph, "WIDTH", WIDTH)
    monkeypatch.setattr(graph, "HEADS", 2)
    monkeypatch.setattr(graph, "LAYERS", 1)
    random = np.random.default_rng(0)
    layer = "encoder.layer.0"
    shapes = {
        "embeddings.word_embeddings.weight": (10, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.position_embeddings.weight": (LONGEST, WIDTH),
        f"{layer}.intermediate.dense.weight": (16, WIDTH),
        f"{layer}.intermediate.dense.bias": (16,),
        f"{layer}.output.dense.weight": (WIDTH, 16),
        f"{layer}.output.dense.bias": (WIDTH,),
    }
    for name in ("self.query", "self.key", "self.value", "output.dense"):
        shapes |= {f"{layer}.attention.{name}.weight": (WIDTH, WIDTH), f"{layer}.attention.{name}.bias": (WIDTH,)}
    for name in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes |= {f"{name}.LayerNorm.weight": (WIDTH,), f"{name}.LayerNorm.bias": (WIDTH,)}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def embed(model: bytes, tokens: list[int], padding: int) -> Array:
    ids = np.array([tokens + [0] * padding], np.int64)
    mask = np.array([[1] * len(tokens) + [0] * padding], np.int64)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return np.asarray(session.run(["sentence_embedding"], feed)[0])


def test_padding_does_not_change_an_embedding_and_tokens_do(weights: dict[str, Array]) -> None:
    model = graph.build(weights).SerializeToString()
    alone = embed(model, [3, 1, 4], 0)
    assert np.linalg.norm(alone) == pytest.approx(1)
    np.testing.assert_allclose(embed(model, [3, 1, 4], 3), alone, atol=1e-6)
    assert np.abs(embed(model, [3, 1, 5], 0) - alone).max() > 1e-3


def test_only_fp32_tensors_are_read(tmp_path: Path) -> None:
    values = np.arange(6, dtype="<f4")
    header = {
        "__metadata__": {"format": "pt"},
        "ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
        "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
    }
    text = json.dumps(header).encode()
    (tmp_path / "w.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8) + values.tobytes())
    found = graph.read_safetensors(tmp_path / "w.safetensors")
    assert list(found) == ["weight"]
    np.testing.assert_array_equal(found["weight"], values.reshape(2, 3))


def test_judgements_are_symmetric(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("1\t0.3\n0\t1\n")
    np.testing.assert_array_equal(judgements(tmp_path / "s.txt"), [[1, 0.3], [0.3, 1]])


def test_correlation_is_over_the_pairs_of_the_samples_given() -> None:
    human = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0.3, 0], [0.1, 0.3, 1, 0], [0, 0, 0, 1]])
    angles = np.arccos([1, 0.9, 0.1])
    outputs = [{"sentence_embedding": np.array([[np.cos(a), np.sin(a)]])} for a in angles]
    labels = [np.append(index, human[index]) for index in range(3)]
    cosines = [0.9, 0.1, np.cos(angles[2] - angles[1])]
    assert pearson(outputs, labels)["pearson"] == pytest.approx(np.corrcoef(cosines, [0.9, 0.1, 0.3])[0, 1])
    assert np.isnan(pearson(outputs[:2], labels[:2])["pearson"])
