"""Ways to write a prompt otherwise that training learns to look through.

Here are the changes alone, as functions of a text and a random generator; what they do to the
inputs is ``training.otherwise``. Wordings are others than those ``eval.robustness`` measures with,
but for case, the full stop and plain quotation marks, which can hardly be written otherwise.
Typos, paraphrases and the kinds of ``eval.robustness.changes.UNTAUGHT`` have no like here.
"""

import random
from collections.abc import Callable, Mapping

_OPENINGS = (
    "Hi there, I have a small request.", "Good morning!", "Hey, quick one for you:",
    "Dear assistant,", "I would appreciate your assistance with the matter below.",
    "Kannst du mir bitte helfen?", "Bonjour, j'ai besoin d'aide.", "Hola, una consulta:",
    "Sorry to bother you again.", "Can you take care of this one, please?", "hey", "Good evening,",
    "Buongiorno, avrei una domanda.", "Olá! Preciso de uma ajuda.", "Здравствуйте!",
    "你好，请帮个忙。",
    "If you have a moment, would you look at this?", "Here is what I would like to know.",
    "I have got something for you.", "One more thing.", "Morning, team.", "Guten Tag,",
    "Would you be so kind as to deal with the following?", "Merhaba, bir sorum var.",
)  # fmt: skip
_CLOSINGS = (
    "Cheers!", "Many thanks, I appreciate it.", "Danke schön!", "Merci d'avance.", "Gracias.",
    "Kind regards, Robin", "That would be lovely.", "Let me know if anything is unclear.", "thx",
    "Best wishes, Kim", "Grazie mille!", "Obrigado!", "Спасибо!", "谢谢！", "Teşekkürler.",
    "I am grateful for any help.", "Looking forward to your reply.", "Take care!",
)  # fmt: skip
_TALK = (
    "My train was late again this morning.", "The weather has finally turned.",
    "A friend mentioned this the other day.", "I have been meaning to ask for a while.",
    "We are still waiting for the coffee machine to be repaired.",
    "It came up during a walk with the dog.", "I am not in a rush at all.",
    "Everybody in the office had another opinion.", "I wrote it down so that I would not forget.",
    "It is for something we are putting together next month.",
    "By the way, the new chairs are comfortable.", "I will read it later this evening.",
    "My sister could not say either.", "You were a great help last time.",
    "It has been a long day and the children are finally asleep.",
    "Our neighbour believes that it is obvious, but I would rather be told.",
    "I tried to look it up and gave in after a few minutes.", "It can wait until tomorrow.",
    "The meeting was moved to the small room on the second floor.",
    "Ich schreibe das vom Handy aus.", "Nous en avons parlé hier soir.",
    "Mi compañera me lo pidió esta mañana.", "Whatever you send, I will pass it on to the others.",
    "The printer is out of paper, so I shall keep it on the screen.",
)  # fmt: skip
_WRAPPERS = (
    "Task:\n{}\n\nSolution:", "Q: {}\nA:", "### Instruction\n{}\n\n### Response\n",
    "Below is an exercise. Solve it.\n\n{}", "{}\n\nReply with a single letter.",
    "{}\n\nGive only the final result.", "{}\n\nThink carefully before you reply.",
    "{}\n\nReason it through one step after another, then conclude.", "Problem: {}\nResult:",
    "[INST] {} [/INST]", "User: {}\nAssistant:", "Input:\n{}\n\nOutput:", "Frage: {}\nAntwort:",
    "Pregunta: {}\nRespuesta:", "<task>\n{}\n</task>", "Exercise 1.\n\n{}\n\nYour solution:",
    "Respond to the following.\n\n{}", "{}\n\nState the option only, without a reason.",
    "{}\n\nA or B or C or D?", "{}\n\nShow your working.", "Request: {}\nReply:",
    "{}\n\nWork through it slowly and check what you get.",
)  # fmt: skip
_FORMATS = (
    '{}\n\nReturn an object such as {{"explanation": "...", "result": "..."}}.',
    '{}\n\nOutput format: {{"final": ""}}', '{}\n\nReply in YAML with the keys why and what.',
    '{}\n\nWrite valid JSON and nothing else: {{"steps": ["..."], "solution": "..."}}',
    "{}\n\nFill in this form:\n<why>...</why>\n<result>...</result>",
    'Use the schema {{"thoughts": string, "reply": string}}.\n\n{}',
    "{}\n\nPut the result between two dollar signs: $...$",
)  # fmt: skip
_QUOTES = ("'{}'", '"{}"', "“{}”", "«{}»", "```\n{}\n```", "> {}", "({})", '"""\n{}\n"""', "„{}“")

Change = Callable[[str, random.Random], str]


def _talk(text: str, rng: random.Random) -> str:
    talk = " ".join(rng.sample(_TALK, rng.randint(1, 5)))
    return f"{talk}\n\n{text}" if rng.random() < 0.4 else f"{text}\n\n{talk}"


def _padded(text: str, rng: random.Random) -> str:
    return f"{text}\n{rng.choice('_#!+:/|>') * rng.randint(30, 600)}"


WORDINGS: Mapping[str, Change] = {
    "opening": lambda text, rng: f"{rng.choice(_OPENINGS)}\n{text}",
    "closing": lambda text, rng: f"{text}\n{rng.choice(_CLOSINGS)}",
    "frame": lambda text, rng: f"{rng.choice(_OPENINGS)}\n\n{text}\n\n{rng.choice(_CLOSINGS)}",
    "wrapper": lambda text, rng: rng.choice(_WRAPPERS).format(text),
    "format": lambda text, rng: rng.choice(_FORMATS).format(text),
    "quotes": lambda text, rng: rng.choice(_QUOTES).format(text),
    "lower case": lambda text, rng: text.lower(),
    "upper case": lambda text, rng: text.upper(),
    "title case": lambda text, rng: text.title(),
    "no full stop": lambda text, rng: text.rstrip(".?!"),
    "small talk": _talk,
    "padding": _padded,
}
"""Name of each kind of change and how it is made; none gives an empty text of one with letters."""

_WEIGHT = {"small talk": 2, "wrapper": 2}
_KINDS = [name for name in WORDINGS for _ in range(_WEIGHT.get(name, 1))]


def reworded(text: str, rng: random.Random) -> tuple[str, str]:
    """Apply one change drawn by lot, or two in one case of three.

    Returns:
        The changed text, and the names of the kinds joined by ``|`` in their order.
    """
    kinds = rng.sample(_KINDS, 2 if rng.random() < 1 / 3 else 1)
    for kind in kinds:
        text = WORDINGS[kind](text, rng)
    return text, "|".join(kinds)
