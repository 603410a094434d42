"""Changes of a prompt that leave its difficulty as it was: what a robust decision ignores.

Every change is a function of the text and a random generator; none asks a model. Whether a tier's
answer really stays as good is not measured here: typos and padding may hurt a small model.
"""

import random
import re
from collections.abc import Callable, Mapping

from eval.robustness.paraphrase import paraphrase

Change = Callable[[str, random.Random], str]

_TYPO_SHARE = 0.08
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"[^\W\d_]{4,}")
_FILLER = (
    "I am asking on behalf of a colleague who is travelling this week.",
    "We talked about it over lunch and nobody was quite sure.",
    "There is no hurry, any time today is fine.",
    "Thanks in advance for taking the time to look at this.",
    "I hope this message finds you well and that your week has started nicely.",
)


def typos(text: str, rng: random.Random) -> str:
    """Misspell about 8 % of the words of four letters or more, at least one: one slip in each."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    chosen = [word for word in words if rng.random() < _TYPO_SHARE] or [rng.choice(words)]
    parts, place = [], 0
    for word in chosen:
        parts += [text[place : word.start()], _slip(word.group(), rng)]
        place = word.end()
    return "".join([*parts, text[place:]])


def _slip(word: str, rng: random.Random) -> str:
    """Swap two neighbours, drop one letter, double one, or hit another key; never the first."""
    at = rng.randrange(1, len(word) - 1)
    match rng.randrange(4):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
        case _:
            return word[:at] + rng.choice(_LETTERS) + word[at + 1 :]


def _filled(text: str, rng: random.Random) -> str:
    return f"{text}\n\n{' '.join(rng.sample(_FILLER, 3))}"


def _padded(text: str, rng: random.Random) -> str:
    return f"{text}\n\n{rng.choice('.-=*~') * 400}"


CHANGES: Mapping[str, Change] = {
    "trailing newlines": lambda text, _: text + "\n\n\n",
    "surrounding spaces": lambda text, _: f"  \n {text}   ",
    "doubled spaces": lambda text, _: re.sub(r"(?<=\S) (?=\S)", "  ", text),
    "lower case": lambda text, _: text.lower(),
    "upper case": lambda text, _: text.upper(),
    "no full stop at the end": lambda text, _: text.rstrip().rstrip(".!?。？！"),
    "quoted": lambda text, _: f'"{text}"',
    "please": lambda text, _: f"Please {text[:1].lower()}{text[1:]}",
    "polite frame": lambda text, _: (
        f"Hello! Could you please help me with this?\n\n{text}\n\nThank you very much!"
    ),
    "wrapper: letter only": lambda text, _: f"{text}\n\nAnswer with the letter only.",
    "wrapper: question, answer": lambda text, _: f"Question: {text}\nAnswer:",
    "wrapper: JSON": lambda text, _: (
        f'{text}\n\nPresent your answer as JSON: {{"reasoning": "...", "answer": "..."}}'
    ),
    "wrapper: step by step": lambda text, _: f"{text}\n\nLet's think step by step.",
    "typos": typos,
    "paraphrase": lambda text, _: paraphrase(text),
    "filler": _filled,
    "padding": _padded,
}
"""Name of each kind of change and how it is made."""

UNTAUGHT: Mapping[str, Change] = {
    "role line": lambda text, _: f"You are a helpful assistant.\n\n{text}",
    "time stamp": lambda text, _: f"[2026-03-02 09:14] {text}",
    "bold": lambda text, _: f"**{text}**",
    "link": lambda text, _: f"{text}\n\nhttps://example.org/notes?id=482913",
    "emoji": lambda text, _: f"{text} \U0001f642\U0001f64f",
    "source note": lambda text, _: f"{text}\n\n[from chapter 3, no. 12]",
    "said twice": lambda text, _: f"{text}\n\n{text}",
}
"""Kinds that nothing like is in any training input. Keep it so: they tell what is learnt of changes
in general. Of ``CHANGES`` typos and paraphrase are such kinds too; blanks are not read; of all
others training has a like, in other words where there are words."""
