"""A text encoder from an encoder directory: texts to vectors and text features.

One interface for every encoder: an ONNX graph from token ids to a vector. Here is the running of
it; making one (distillation, export) is ``training.encoder``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from router.errors import ArtifactError
from router.predict.features import FEATURE_NAMES, features_of
from router.predict.files import ReadOnce, read_json, verify_files
from router.predict.graph import check_graph
from router.predict.reading import Reading, read, read_all
from router.predict.tokenize import WordTokenizer

ENCODER_FORMAT = 1
_TOKENS_AT_ONCE = 32_768

Float32Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What ``encoder.json`` says. ``sha256`` identifies graph and tokenizer together."""

    name: str
    kind: str
    dimension: int
    max_tokens: int
    adds_special_tokens: bool
    sha256: str


def open_session(
    path: Path, files: ReadOnce | None = None, refers_to: Sequence[str] = ()
) -> ort.InferenceSession:
    """Open an ONNX graph for one-thread, low-latency use.

    Args:
        path: The file.
        files: Of its directory, so that what is opened is what was read. By default onnxruntime
            opens the file itself, and maps files it refers to: they must stay as they are.
        refers_to: Names of the files the graph may take constants from (ONNX external data), and
            no others.

    Raises:
        ArtifactError: the graph brings in what was not verified, or onnxruntime refuses it.
    """
    try:
        content = path.read_bytes() if files is None else files.bytes_of(path.name)
    except OSError as error:
        raise ArtifactError(
            f"{path}: not readable ({error.strerror}); restore the artifact directory",
            reason="ARTIFACT_FILE_MISSING",
            metadata={"file": str(path)},
        ) from error
    check_graph(content, path, refers_to)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Every prompt has another length: remembering how memory was laid out for each only costs.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    # A gRPC worker thread must not spin for the next graph: the cores belong to other calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        graph: str | bytes = str(path)
        if files is not None:
            graph = content
            beside = [files.bytes_of(name) for name in refers_to]
            if beside:
                options.add_external_initializers_from_files_in_memory(
                    list(refers_to), beside, [len(one) for one in beside]
                )
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises several unrelated classes
        raise ArtifactError(
            f"{path}: onnxruntime cannot open this graph ({error}); restore the artifact directory",
            reason="ARTIFACT_GRAPH",
            metadata={"file": str(path)},
        ) from error


def read_encoder_info(files: ReadOnce) -> EncoderInfo:
    """Read and check ``encoder.json`` and the files it names.

    Raises:
        ArtifactError: missing, altered, of another format, or incomplete.
    """
    path = files.directory / "encoder.json"
    content = read_json(path, files)
    if content.get("format") != ENCODER_FORMAT:
        raise ArtifactError(
            f"{path}: format {content.get('format')!r} is not the format this release reads "
            f"({ENCODER_FORMAT}); rebuild it with 'make encoder'",
            reason="ARTIFACT_FORMAT",
            metadata={"file": str(path)},
        )
    verify_files(files, content.get("files"), path, ("encoder.onnx", "tokenizer.json"))
    try:
        return EncoderInfo(
            name=str(content["name"]),
            kind=str(content["kind"]),
            dimension=int(content["dimension"]),
            max_tokens=int(content["max_tokens"]),
            adds_special_tokens=bool(content["adds_special_tokens"]),
            sha256=str(content["sha256"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: incomplete or of a wrong type ({error!r}); rebuild it with 'make encoder'",
            reason="ARTIFACT_MANIFEST",
            metadata={"file": str(path)},
        ) from error


class TextEncoder:
    """Texts to vectors and features. Immutable after construction, safe from several threads.

    Args:
        directory: Encoder directory, or an artifact directory, which is a superset.
        files: Of it; by default they are read anew.
        like: Encoders made before; a tokenizer of the same file is shared, because making one holds
            the interpreter for tens of milliseconds.

    Attributes:
        info: What ``encoder.json`` says.
        tokenizer: Of this encoder, or shared.
        made_from: What the tokenizer depends on.

    Raises:
        ArtifactError: see ``read_encoder_info`` and ``open_session``.
    """

    def __init__(
        self, directory: Path, files: ReadOnce | None = None, like: Sequence["TextEncoder"] = ()
    ) -> None:
        files = files or ReadOnce(directory)
        self.info = info = read_encoder_info(files)
        content = files.bytes_of("tokenizer.json")
        digest = sha256(content).digest()
        self.made_from = (digest, info.max_tokens, info.adds_special_tokens)
        shared = [one.tokenizer for one in like if one.made_from == self.made_from]
        self.tokenizer: WordTokenizer = (
            shared[0]
            if shared
            else WordTokenizer(
                directory / "tokenizer.json",
                info.max_tokens,
                adds_special_tokens=info.adds_special_tokens,
                content=content,
            )
        )
        self._session = open_session(directory / "encoder.onnx", files)
        self._whole_mask = np.ones((1, self.info.max_tokens), dtype=np.int64)
        names = {item.name for item in self._session.get_inputs() + self._session.get_outputs()}
        if names != {"input_ids", "attention_mask", "embedding"}:
            raise ArtifactError(
                f"{directory / 'encoder.onnx'}: takes and gives {sorted(names)}; an encoder takes "
                "input_ids and attention_mask and gives embedding: rebuild it with 'make encoder'",
                reason="ARTIFACT_GRAPH",
                metadata={"file": str(directory / "encoder.onnx")},
            )

    @property
    def encoder_sha256(self) -> str:
        """Hash of graph and tokenizer; vectors of different hashes must never be mixed."""
        return self.info.sha256

    def vector(self, text: str) -> Float32Matrix:
        """Return the vector of one text, float32, shape (1, dimension), unit length or zero."""
        return self.vector_of(read(text))

    def vector_of(self, reading: Reading) -> Float32Matrix:
        """Return the vector of a text that is read already, as ``vector``."""
        return self.vector_of_ids(self.tokenizer.encode_reading(reading))

    def vector_of_ids(self, ids: npt.NDArray[np.int64]) -> Float32Matrix:
        """Return the vector of a text's token ids, shape (n,), as ``vector``."""
        if not len(ids):
            return np.zeros((1, self.info.dimension), dtype=np.float32)
        return self._run(ids[np.newaxis], self._whole_mask[:, : len(ids)])

    def vectors(self, texts: Sequence[str]) -> Float32Matrix:
        """Return the vectors of many texts, float32, shape (n, dimension), in their order."""
        return self._vectors([self.tokenizer.encode_reading(one) for one in read_all(texts)])

    def encode(self, texts: Sequence[str]) -> tuple[Float32Matrix, Float32Matrix]:
        """Return vectors (n, dimension) and text features (n, n_features), both float32."""
        return self.encode_readings(read_all(texts))

    def encode_readings(self, readings: Sequence[Reading]) -> tuple[Float32Matrix, Float32Matrix]:
        """Return vectors and features of texts that are read already, as ``encode``."""
        features = np.array([features_of(reading) for reading in readings], dtype=np.float32)
        rows = [self.tokenizer.encode_reading(reading) for reading in readings]
        return self._vectors(rows), features.reshape(len(readings), len(FEATURE_NAMES))

    def _vectors(self, rows: Sequence[npt.NDArray[np.int64]]) -> Float32Matrix:
        """Run rows of ids through the graph, those of like length together."""
        result = np.zeros((len(rows), self.info.dimension), dtype=np.float32)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        start = 0
        while start < len(order):
            stop, width = start, 1
            while stop < len(order):
                wider = max(width, len(rows[order[stop]]))
                if stop > start and wider * (stop - start + 1) > _TOKENS_AT_ONCE:
                    break
                width, stop = wider, stop + 1
            chosen = order[start:stop]
            taken = [rows[row] for row in chosen]
            is_token = np.arange(width) < np.array(list(map(len, taken)))[:, np.newaxis]
            ids = np.zeros(is_token.shape, dtype=np.int64)
            ids[is_token] = np.concatenate(taken)
            result[chosen] = self._run(ids, is_token.astype(np.int64))
            start = stop
        return result

    def _run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Float32Matrix:
        output: Float32Matrix = self._session.run(
            ["embedding"], {"input_ids": ids, "attention_mask": mask}
        )[0]
        return output
