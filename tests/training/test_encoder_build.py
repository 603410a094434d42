"""A tiny transformer is distilled and exported end to end; the graphs are held against NumPy."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.errors import TrainingError
from router.predict.encoder import TextEncoder
from training.encoder.distil import (
    SIF_COEFFICIENT,
    contextual_vectors,
    distil,
    quantise,
    reduce_dimension,
    vocabulary,
    zipf_weights,
)
from training.encoder.export import write_encoder
from training.encoder.graph import static_graph
from training.encoder.run import Embedder
from training.encoder.source import Source, load_model
from training.encoder.static import build_static

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DIMENSION = 8
WORDS = "the a of and river stone bridge letter green seven walks sings under because water"
SPECIAL = ("[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Save a BERT of two small random layers the way published models are saved."""
    # Here and not above: torch takes seconds, and every process that runs tests reads every file.
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    directory = tmp_path_factory.mktemp("tiny")
    tokens = [*SPECIAL, ",", ".", "!", *WORDS.split(), "##s", "##ing"]
    (directory / "vocab.txt").write_text("\n".join(tokens) + "\n")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(directory / "bert")
    BertTokenizer(str(directory / "vocab.txt")).save_pretrained(directory / "bert")
    transformer = Transformer(str(directory / "bert"), max_seq_length=32)
    pooling = Pooling(16, pooling_mode="mean")
    SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu").save(
        str(directory / "model")
    )
    return Source("tiny", "0", "0" * 64, directory / "model")


@pytest.fixture(scope="module")
def model(source: Source) -> "SentenceTransformer":
    return load_model(source.directory)


@pytest.fixture(scope="module")
def embedder(model: "SentenceTransformer") -> Embedder:
    return Embedder(static_graph(quantise(distil(model, DIMENSION))))


def padded(rows: list[list[int]], width: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.full((len(rows), width), 7, dtype=np.int64)  # a real token where the mask is 0
    mask = np.zeros_like(ids)
    for line, row in enumerate(rows):
        ids[line, : len(row)] = row
        mask[line, : len(row)] = 1
    return ids, mask


def test_a_graph_gives_the_normalised_sum_of_the_rows_of_its_table(
    model: "SentenceTransformer", embedder: Embedder
) -> None:
    table = quantise(distil(model, DIMENSION))
    vectors = table.values.astype(np.float64) * table.scales[:, None]
    ids, mask = padded([[9, 12, 12, 15], [20], [11, 3, 18, 22, 10, 9]], width=6)
    sums = np.einsum("btd,bt->bd", vectors[ids], mask)
    expected = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.embed(ids, mask), expected, atol=1e-6)


def test_padding_does_not_change_a_row(embedder: Embedder) -> None:
    rows = [[9, 12, 15], [20, 21], [10, 11, 12, 13, 14]]
    batch = embedder.embed(*padded(rows, width=12))
    for row, expected in zip(rows, batch, strict=True):
        np.testing.assert_allclose(embedder.embed(np.array([row]))[0], expected, atol=1e-6)


@pytest.mark.parametrize(("rows", "width"), [([[], []], 4), ([[]], 0), ([[], [], []], 0)])
def test_a_row_without_tokens_gives_the_zero_vector(
    embedder: Embedder, rows: list[list[int]], width: int
) -> None:
    found = embedder.embed(*padded(rows, width))
    np.testing.assert_array_equal(found, np.zeros((len(rows), DIMENSION), dtype=np.float32))


def test_an_empty_row_leaves_its_neighbour_alone(embedder: Embedder) -> None:
    found = embedder.embed(*padded([[], [9, 12]], width=3))
    np.testing.assert_array_equal(found[0], np.zeros(DIMENSION))
    np.testing.assert_allclose(found[1], embedder.embed(np.array([[9, 12]]))[0], atol=1e-6)


def test_an_id_outside_the_table_is_an_error_not_a_vector(embedder: Embedder) -> None:
    with pytest.raises(Exception, match="out of data bounds"):
        embedder.embed(np.array([[10_000]]))


def test_tokens_no_text_produces_have_zero_rows_and_no_part_in_the_ranks(
    model: "SentenceTransformer",
) -> None:
    table = distil(model, DIMENSION)
    unused = np.array(["unused" in token for token in vocabulary(model)])
    assert unused.sum() == 2
    assert not table[unused].any()
    vectors = contextual_vectors(model, len(table))[~unused]
    expected = reduce_dimension(vectors, DIMENSION) * zipf_weights(len(vectors))[:, None]
    np.testing.assert_allclose(table[~unused], expected, atol=1e-6)


def test_a_token_vector_is_what_the_model_gives_for_the_token_alone(
    model: "SentenceTransformer",
) -> None:
    word = vocabulary(model).index("river")
    expected = model.encode("river", normalize_embeddings=False)
    vector = contextual_vectors(model, word + 1)[word]
    np.testing.assert_allclose(vector / np.linalg.norm(vector), expected, atol=1e-5)


def test_zipf_weights_rise_with_the_rank() -> None:
    weights = zipf_weights(1000)
    assert (np.diff(weights) > 0).all()
    share_of_first = (1 / 2) / (1 / np.arange(2, 1002)).sum()
    assert weights[0] == pytest.approx(SIF_COEFFICIENT / (SIF_COEFFICIENT + share_of_first))


def test_int8_rows_keep_their_vector_within_half_a_step_whatever_their_size() -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(50, 16)) * 10.0 ** generator.integers(-4, 3, size=(50, 1))
    vectors[7] = 0.0
    table = quantise(vectors.astype(np.float32))
    error = np.abs(table.values * table.scales[:, None].astype(np.float64) - vectors)
    step = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert (error <= 0.5001 * step).all()
    assert not table.values[7].any()


@pytest.mark.parametrize("dimension", [0, 17])
def test_a_dimension_the_model_does_not_have_is_refused(
    model: "SentenceTransformer", dimension: int
) -> None:
    with pytest.raises(TrainingError, match=rf"dimension {dimension} .*choose between 1 and 16"):
        distil(model, dimension)


def test_the_same_model_gives_the_same_bytes_and_serving_reads_them(
    model: "SentenceTransformer", source: Source, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        write_encoder(build_static(model, source, dimension=DIMENSION), tmp_path / name)
    first = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    second = {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert set(first) == {"encoder.onnx", "tokenizer.json", "encoder.json"}
    assert first == second

    vectors = TextEncoder(tmp_path / "first").vectors(["The river, the river!", "", "a stone"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1.0, 0.0, 1.0], atol=1e-6)
    manifest = json.loads(first["encoder.json"])
    assert manifest["checks"]["int8_cosine_min"] >= 0.999
    assert (manifest["lowercase"], manifest["adds_special_tokens"]) == (True, False)


def test_an_exported_transformer_gives_what_the_model_gives_also_for_padded_rows(
    model: "SentenceTransformer",
) -> None:
    from training.encoder.transformer import transformer_graph

    texts = ["the river sings", "a green stone walks under the bridge, because of water.", "seven"]
    tokens = model.tokenizer(texts, padding="longest", return_tensors="np")
    graph = Embedder(transformer_graph(model))
    found = graph.embed(tokens["input_ids"], tokens["attention_mask"])
    np.testing.assert_allclose(found, model.encode(texts), atol=1e-5)
    single = tokens["input_ids"][2:, : tokens["attention_mask"][2].sum()]
    np.testing.assert_allclose(graph.embed(single), found[2:], atol=1e-5)


def test_a_fully_masked_row_of_an_exported_transformer_gives_the_zero_vector(
    model: "SentenceTransformer",
) -> None:
    from training.encoder.transformer import transformer_graph

    ids, mask = padded([[9, 12], []], width=3)
    found = Embedder(transformer_graph(model)).embed(ids, mask)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[1], np.zeros(16))


def test_an_exported_transformer_is_read_by_serving_with_its_special_tokens(
    model: "SentenceTransformer", source: Source, tmp_path: Path
) -> None:
    from training.encoder.transformer import build_transformer

    encoder = build_transformer(model, source)
    assert encoder.onnx == build_transformer(model, source).onnx
    write_encoder(encoder, tmp_path)
    texts = ["The green bridge.", "because the water sings"]
    found = TextEncoder(tmp_path).vectors(texts)
    np.testing.assert_allclose(found, model.encode(texts), atol=1e-5)
    assert encoder.checks["parity_cosine_min"] == 1.0


def test_a_model_pooled_in_another_way_is_not_exported_as_if_it_were_mean_pooled(
    source: Source,
) -> None:
    from sentence_transformers.sentence_transformer.modules import Pooling

    from training.encoder.transformer import build_transformer

    model = load_model(source.directory)
    model[1] = Pooling(16, pooling_mode="cls")
    with pytest.raises(TrainingError, match="must be mean pooled"):
        build_transformer(model, source)
