"""Prompts made by rule, of a wanted length, different in every call.

A vocabulary of about four thousand words (stems and endings), small words between them, marks,
and now and then a number or a name nobody has seen, so that no memory of words is ever complete.
"""

import random

from router.cost.tokens import estimate_tokens

_STEM_LINES = """
act add aim air ask bank beat bend bind blow board boat bond book born brave break bright bring
brush build burn call camp care carry cast catch chain change chart check child clean climb clock
close cloud coach coast cold cook cool copy corn count course cover craft cross crowd dance date
deal deep design draw dream dress drink drive drop dust earth edge enter event face fair fall farm
fast fear feel field fight fill film find fire fish fit fix flat flight floor flow fold follow food
force form frame free fresh front fruit full game garden gift glass gold grain grand grant green
ground group grow guard guess guide hand hang hard head health hear heat help hill hire hold home
hope horse hour house hunt ice jump keep kind knock lake land large laugh law lead learn leave lift
light limit line link list load lock look love machine mail mark market mass match matter measure
meet melt mind model moon move name need net night north note number offer open order owner pack
page paint pair paper park part pass path pattern phone pick picture pilot pipe plan plant plate
play point pool port post pound power press price print proof pull pump push queue quick quiet race
rail rain range rate reach read record rest rich ring rise river road rock roll roof room root round
rule run sail salt sand save scale school score search season seat seed sell send sense serve set
shade shape share sharp sheet shelf shell shift ship shop short show sign silver skill skin sleep
slide slow small smart smoke snow soft soil sound speak speed spell split sport spot spread spring
stage stamp stand star start state station steam steel step stick stone stop store storm story
stream street strong study style sugar supply support surface sweet swim switch table talk tank
task taste teach team test thick thin think throw tide time tool touch tower town track trade train
travel treat tree trip truck trust turn type unit valley value view visit voice walk wall warm wash
watch water wave wear weather weight wheel wide win wind window wire wise wood word work write year
"""
_ENDINGS = ("", "s", "ed", "ing", "er", "ers", "less", "ful", "ly", "able")
_SMALL_LINE = "the a of to in is it that for on with as was at by an be this from or"
_SMALL = _SMALL_LINE.split()
_STEMS = _STEM_LINES.split()
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = tuple(stem + ending for ending in _ENDINGS for stem in _STEMS)


def make_prompt(generator: random.Random, tokens: int) -> str:
    """Return a prompt of about ``tokens`` (estimated, o200k_base), at least one word."""
    words: list[str] = []
    size = 0.0
    while size < tokens:
        sentence = _sentence(generator)
        words.append(sentence)
        size += estimate_tokens(sentence)
    text = " ".join(words)
    # A sentence is some 14 tokens: cut what the last one has too many.
    return text[: max(int(len(text) * tokens / size), 1)].rstrip()


def _sentence(generator: random.Random) -> str:
    words = [_word(generator) for _ in range(generator.randint(7, 16))]
    return " ".join(words).capitalize() + generator.choice("...?")


def _word(generator: random.Random) -> str:
    draw = generator.random()
    if draw < 0.35:
        return generator.choice(_SMALL)
    if draw < 0.37:
        return str(generator.randint(1, 99_999))
    if draw < 0.38:
        return "".join(generator.choices(_LETTERS, k=7))
    # Few words are frequent and many are rare, as in any language.
    rank = min(int(generator.expovariate(1 / 900)), len(VOCABULARY) - 1)
    return VOCABULARY[rank] + ("," if draw > 0.93 else "")
