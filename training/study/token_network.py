"""A small network over a token table that is trained with it, for outcomes of several models.

The table is the static encoder's: a text's vector is the normalised sum of its tokens' rows. Here
is the learner only, on arrays; which rows and labels it is given, and what it is compared with, is
``training.study.token_table``. It is not used by ``make train``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.preprocessing import StandardScaler
from torch.nn import functional

from eval.arrays import FloatArray, IntArray
from training.labels import Float32Matrix

_REACH = 3.0
"""Standardised features are kept within this many standard deviations."""

_BATCH = 256
_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class TableSettings:
    """How table and network are trained.

    Attributes:
        table_rate: Greatest step of the table, 0 leaves it as distilled.
        rate: Greatest step of the network.
        passes: Passes over the rows.
        words_left_out: Share of a text's tokens hidden at each step.
        hidden: Units of each hidden layer.
        subject: Weight of naming the prompt's subject as well.
        pairs: Numbers of a further table of hashed token pairs, 0 for none.
    """

    table_rate: float = 1e-4
    rate: float = 2e-3
    passes: int = 8
    words_left_out: float = 0.2
    hidden: tuple[int, ...] = (128, 64)
    subject: float = 0.0
    pairs: int = 0


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Prompts as a network over tokens reads them.

    Attributes:
        ids: (n, L) rows of the table, -1 after a text's last token.
        features: float32 (n, f).
        labels: float32 (n, k) in [0, 1], NaN where unknown.
        weight: float32 (k,) what each label counts.
        subject: (n,) int, -1 where unknown.
        table: float32 (V, d).
    """

    ids: npt.NDArray[np.int32]
    features: Float32Matrix
    labels: Float32Matrix
    weight: npt.NDArray[np.float32]
    subject: IntArray
    table: Float32Matrix


def padded(ids: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int32]:
    """Return texts' ids as one array (n, L), -1 after the last of each."""
    rows = np.full((len(ids), max(map(len, ids))), -1, dtype=np.int32)
    for row, one in zip(rows, ids, strict=True):
        row[: len(one)] = one
    return rows


def learn(
    rows: TokenRows,
    known: IntArray,
    unknown: IntArray,
    settings: TableSettings,
    seed: int,
    device: str = "cpu",
) -> FloatArray:
    """Fit on the known rows and return P(label) of the unknown ones: (len(unknown), k)."""
    torch.manual_seed(seed)
    network = _Network(rows, known, settings).to(device)
    scaler = StandardScaler().fit(rows.features[known])
    near = np.clip(scaler.transform(rows.features), -_REACH, _REACH).astype(np.float32)
    features = torch.from_numpy(near).to(device)
    ids = torch.from_numpy(network.narrow(rows.ids)).to(device)
    labels = torch.from_numpy(rows.labels).to(device)
    subject = torch.from_numpy(rows.subject.astype(np.int64)).to(device)
    weight = torch.from_numpy(rows.weight).to(device)
    parts = [{"params": network.head(), "lr": settings.rate, "weight_decay": 1e-4}]
    if settings.table_rate > 0:
        parts.append({"params": network.tables(), "lr": settings.table_rate, "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(parts, fused=True)
    steps = settings.passes * -(-len(known) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [one["lr"] for one in parts], total_steps=steps, pct_start=0.2
    )
    generator = np.random.default_rng(seed)
    for _ in range(settings.passes):
        order = torch.from_numpy(generator.permutation(known)).to(device)
        for chosen in order.split(_BATCH):
            said, named = network(ids[chosen], features[chosen])
            loss = _loss(said, labels[chosen], weight)
            if settings.subject > 0:
                loss = loss + settings.subject * functional.cross_entropy(
                    named, subject[chosen], ignore_index=-1
                )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        asked = torch.from_numpy(np.asarray(unknown, dtype=np.int64)).to(device)
        found = [
            torch.sigmoid(network(ids[part], features[part])[0]) for part in asked.split(_AT_ONCE)
        ]
    chance: FloatArray = torch.cat(found).cpu().numpy().astype(np.float64)
    return chance


def _loss(said: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    counts = ~torch.isnan(labels) * weight
    losses = functional.binary_cross_entropy_with_logits(
        said, torch.nan_to_num(labels), reduction="none"
    )
    return (losses * counts).sum() / counts.sum()


class _Network(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Token tables, then a few layers; one number per label and one per subject."""

    _PAIRS = 1 << 15

    def __init__(self, rows: TokenRows, known: IntArray, settings: TableSettings) -> None:
        super().__init__()
        self._settings = settings
        # Only the rows some prompt uses: a step then costs a fraction of the vocabulary's.
        self._used = np.unique(rows.ids[rows.ids >= 0])
        start = torch.from_numpy(rows.table[self._used])
        self._table = torch.nn.Parameter(start, requires_grad=settings.table_rate > 0)
        # Unit vectors times this have numbers of about one, like standardised features.
        self._length = rows.table.shape[1] ** 0.5
        width = rows.table.shape[1] + rows.features.shape[1] + settings.pairs
        if settings.pairs:
            self._pairs = torch.nn.Parameter(torch.zeros(self._PAIRS, settings.pairs))
        layers: list[torch.nn.Module] = [torch.nn.Dropout(0.1)]
        for units in settings.hidden:
            layers += [torch.nn.Linear(width, units), torch.nn.ReLU(), torch.nn.Dropout(0.3)]
            width = units
        self._body = torch.nn.Sequential(*layers)
        self._labels = torch.nn.Linear(width, rows.labels.shape[1])
        self._subjects = torch.nn.Linear(width, max(1, int(rows.subject.max()) + 1))

    def narrow(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return ids as rows of the table that is held here, -1 as before."""
        places = np.searchsorted(self._used, ids)
        return np.where(ids >= 0, places, -1)

    def tables(self) -> list[torch.nn.Parameter]:
        return [self._table, *([self._pairs] if self._settings.pairs else [])]

    def head(self) -> list[torch.nn.Parameter]:
        parts = (self._body, self._labels, self._subjects)
        return [one for part in parts for one in part.parameters()]

    def forward(
        self, ids: torch.Tensor, features: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        counts = ids >= 0
        ids = ids.clamp(min=0)
        if self.training and self._settings.words_left_out:
            kept = torch.rand(ids.shape, device=ids.device) >= self._settings.words_left_out
            counts = counts & kept
        mask = counts.to(features.dtype).unsqueeze(-1)
        summed = (functional.embedding(ids, self._table) * mask).sum(dim=1)
        read = [self._length * functional.normalize(summed, dim=1), features]
        if self._settings.pairs:
            code = (ids[:, :-1] * 8191 + ids[:, 1:] * 131071) % self._PAIRS
            both = mask[:, :-1] * mask[:, 1:]
            found = (functional.embedding(code, self._pairs) * both).sum(dim=1)
            read.append(found / both.sum(dim=1).clamp(min=1.0).sqrt())
        inside = self._body(torch.cat(read, dim=1))
        return self._labels(inside), self._subjects(inside)
