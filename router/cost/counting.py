"""Input tokens of a conversation, as each deployment would count them.

An estimate for all, times what is learnt of a deployment, or counted where its vocabulary is there.
"""

from collections.abc import Mapping, Sequence

from router.cost.ratio import NO_RATIOS, LearntRatios
from router.cost.tokens import (
    TOKENS_PER_MESSAGE,
    TextKind,
    estimate_conversation_tokens,
    tokens_of,
)
from router.cost.vocabulary import Vocabularies
from router.predict.reading import Reading
from router.types import Deployment, Message


def conversation_tokens(messages: Sequence[Message], reading: Reading) -> float:
    """Estimate a conversation's tokens; what was read for the prediction is not read again."""
    if len(messages) == 1 and messages[0].content == reading.text:
        return tokens_of(reading) + TOKENS_PER_MESSAGE
    return estimate_conversation_tokens(message.content for message in messages)


class TokenCounter:
    """How some deployments count.

    Args:
        deployments: Of a catalog, all of them.
        ratios: Learnt; read at every count.

    Raises:
        CatalogError: a deployment's tokenizer cannot be read.
    """

    def __init__(
        self, deployments: Sequence[Deployment] = (), ratios: LearntRatios | None = None
    ) -> None:
        self._deployments = tuple(deployments)
        self._vocabularies = Vocabularies(deployments)
        self.ratios = ratios or LearntRatios()

    @property
    def has_vocabularies(self) -> bool:
        """Whether some deployment counts exactly, so that a text itself is needed."""
        return bool(self._vocabularies)

    def counts(
        self, messages: Sequence[Message], estimated: float, kind: TextKind
    ) -> Mapping[str, float] | None:
        """Return input tokens by deployment; None where the estimate holds for all of them."""
        learnt = self.ratios.by_deployment
        if not learnt and not self._vocabularies:
            return None
        counts = {
            item.id: estimated * learnt.get(item.id, NO_RATIOS)[kind] for item in self._deployments
        }
        if self._vocabularies:
            counts.update(self._vocabularies.count(messages))
        return counts
