"""Public outcome formats people have, each translated to raw records of the long shape.

An adapter knows one format's columns and nothing else; the rules stay in
``training.sources.check``.
"""

from collections.abc import Callable
from pathlib import Path

from training.sources.adapters.llmrouterbench import read_llmrouterbench
from training.sources.adapters.routellm import read_routellm
from training.sources.adapters.routerbench import read_routerbench
from training.sources.adapters.sprout import read_sprout
from training.sources.rows import RawTable

ADAPTERS: dict[str, Callable[[Path], RawTable]] = {
    "routellm": read_routellm,
    "routerbench": read_routerbench,
    "sprout": read_sprout,
    "llmrouterbench": read_llmrouterbench,
}
