"""What documents name exists: links, files, make targets, and the code they show."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE_LATER = {"build", "dist", "mlruns"}
TOP = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in MADE_LATER}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in MADE_LATER for part in path.relative_to(ROOT).parts)
)
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"^make(?: ([a-z][a-z-]*))?\b")
FILE_SUFFIXES = (".py", ".md", ".toml", ".txt", ".jsonl", ".proto", ".onnx", ".parquet", ".json")


def blocks(text: str, language: str) -> list[tuple[list[str], str]]:
    """Return (words after the fence, content) of the fenced blocks of a language."""
    found = [(head.split(), content) for head, content in FENCE.findall(text)]
    return [(words, content) for words, content in found if words[:1] == [language]]


def spans(text: str) -> list[str]:
    return SPAN.findall(FENCE.sub("", text))


def commands(text: str) -> Iterator[str]:
    """Yield what documents give as commands: code spans, and lines of sh and indented blocks."""
    yield from spans(text)
    for _, content in blocks(text, "sh"):
        yield from (line.strip() for line in content.splitlines())
    yield from (line.strip() for line in text.splitlines() if line.startswith("    "))


def repository_paths(text: str) -> Iterator[str]:
    """Yield the code spans that read like a path of this repository."""
    for span in spans(text):
        if not re.fullmatch(r"[\w./*-]+", span):
            continue
        first = span.split("/")[0]
        if "/" in span and first in TOP:
            yield span


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def test_there_are_documents() -> None:
    assert {"CONTRIBUTING.md", "docs/architecture.md", "docs/catalog.md"} <= set(NAMES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    links = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    missing = [link for link in links if not (path.parent / link.split("#")[0]).exists()]
    assert missing == []


def test_the_list_of_decisions_holds_every_page_in_order() -> None:
    folder = ROOT / "docs" / "decisions"
    first, *others = sorted(path.name for path in folder.iterdir())
    listed = re.findall(r"^\| \[\d{4}\]\(([^)]+)\)", (folder / first).read_text(), re.MULTILINE)
    assert listed == others


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_make_command_names_a_target(path: Path) -> None:
    found = [MAKE.match(command) for command in commands(path.read_text(encoding="utf-8"))]
    named = {match[1] for match in found if match and match[1]}
    assert named <= targets()


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_path_in_backticks_exists(path: Path) -> None:
    named = set(repository_paths(path.read_text(encoding="utf-8")))
    assert {name for name in named if not list(ROOT.glob(name.rstrip("/")))} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_toml_block_parses(path: Path) -> None:
    for _, content in blocks(path.read_text(encoding="utf-8"), "toml"):
        tomllib.loads(content)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_python_block_parses(path: Path) -> None:
    for _, content in blocks(path.read_text(encoding="utf-8"), "python"):
        ast.parse(content)


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_python_marked_runnable_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, content in blocks(path.read_text(encoding="utf-8"), "python"):
        if "runnable" in words:
            exec(compile(content, str(path), "exec"), {"__name__": "example"})
            assert capsys.readouterr().out


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_dotted_name_begins_with_a_module_that_is_there(path: Path) -> None:
    """``router.catalog.load_catalog``: the module exists and its text holds the name."""
    wrong = []
    for span in spans(path.read_text(encoding="utf-8")):
        match = re.fullmatch(r"((?:router|eval|training)(?:\.[a-z_]+)+)(?:\.(\w+))?", span)
        if match and not span.startswith("router.v1") and not _is_there(span):
            wrong.append(span)
    assert wrong == []


def _is_there(dotted: str) -> bool:
    parts = dotted.split(".")
    for length in range(len(parts), 1, -1):
        place = ROOT.joinpath(*parts[:length])
        module = place.with_suffix(".py")
        if not module.exists():
            module = place / "__init__.py"
        if module.exists():
            text = module.read_text(encoding="utf-8")
            return all(re.search(rf"\b{name}\b", text) for name in parts[length:])
    # Keys of a Parquet file's metadata look like names: "router.format".
    return parts[0] == "router" and len(parts) == 2
