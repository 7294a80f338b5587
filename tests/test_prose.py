"""Plain English: the words, first words and lengths of sentences that readers meet in docs, help, messages and names.

`python tests/test_prose.py [FILE...]` prints the same findings, one in a line, without pytest.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = ("fervideo/**/*.py", "tools/*.py", "tests/**/*.py", "fervideo/**/*.md", "*.md")
PATTERNS += ("fervideo/**/*.toml", "configs/*.toml", "tools/*.sh")
FILES = sorted({path for pattern in PATTERNS for path in ROOT.glob(pattern)} - {Path(__file__).resolve()})
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())

MOST_COLUMNS, MOST_WORDS = 120, 25
#: Docstrings do not open with these words.
BANNED_FIRST = "Hold|Holds|Say|Says|Tell|Tells|Let|Lets"
#: A sentence in which one of these verbs comes before "what" asks a question, and "what" is no noun in it.
_ASKS = r"(?:asks?|checks?|decides?|describes?|explains?|find out|knows?|lists?|names?|prints?|reports?|says?|shows?)"
_THE = r"(?:a|an|the|this|that|these|those|each|every|any|no|another|one|two|stale)"
#: Each idiom, and a plain English replacement.
IDIOMS = {
    r"\b(?:tell|tells|telling|told)\b": "report, list, distinguish",
    r"\b(?:say|says|said|saying) of\b": "predict, describe",
    r"\bof which\b": "a new sentence",
    r"\bbut for\b": "except",
    r"\bwhatever\b": "any",
    rf"^(?!.*\b{_ASKS}\b.*\bwhat\b)(?!.*\?\W*$).*?\bwhat\b": "the noun itself",
    r"\bhouse\b": "program",
    r"\bsightings?\b": "detection",
    r"\bdrafts?\b": "temporary file",
    # A header may claim something; a process locks a segment.
    rf"\b{_THE} claims?\b|\bclaims? (?:on|of|by|is|are|a|an|the) |^claims?\b": "lock",
    r"\banswer(?:s|ed|ing|able)?\b": "prediction, predict",
    # Things may be in place, in the place of another or in the same place; a path or an index is called so.
    rf"(?<!in )(?<!in the )\b{_THE} places?\b(?! of\b)": "path, index, position",
}
#: Parts of names that are idioms wherever they stand.
BANNED_IN_NAMES = {"tell", "tells", "told", "what", "whatever", "house", "sighting", "sightings", "draft", "drafts"}
BANNED_IN_NAMES |= {"claim", "claims", "claimed", "answer", "answers", "place", "places"}
#: Innocent uses, each with its reason. A text is searched with these taken out.
ALLOWED = {
    r"\btoo few to tell\b": "the mark of an interval over a handful of people",
    r"\b(?:cluster|address|store|server|pip|Ray)\b[^.;]{0,40}\banswers?\b": "a machine answers a request",
    r"\bno answer (?:in|within)\b": "a machine does not answer a request",
    r"\bmakes? no claim\b": "a file's header claims a number of frames, or does not",
}
ALLOWED_NAMES = {
    "_ANSWER_S": "the time in which a cluster answers a request",
}


@dataclass(frozen=True)
class Block:
    """A stretch of text that belongs together: a paragraph, an item, a table cell, a comment, a message, a name.

    Attributes:
        line: Line of the file on which it begins, from 1.
        text: Its text, with its line breaks.
        kind: All rules hold for `prose`, words and first words for a `note`, words alone for a `message` or a `name`.
    """

    line: int
    text: str
    kind: str = "prose"


@dataclass(frozen=True)
class Finding:
    """A broken rule, and the line on which it was found."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.text}"


def blocks(path: Path) -> Iterator[Block]:
    """Yield the text of a file that people read."""
    text = path.read_text(encoding="utf-8")
    yield Block(1, path.stem, "name")
    if path.suffix == ".md":
        yield from markdown(text)
    elif path.suffix == ".py":
        yield from python(text, with_messages="tests" not in path.parts)
    else:
        rows = enumerate(text.splitlines(), 1)
        yield from comments([(line, match[0]) for line, row in rows if (match := re.search(r"(^\s*|  )#.*", row))])


def python(text: str, *, with_messages: bool) -> Iterator[Block]:
    """Yield the names, docstrings, comments and messages of a program."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    tree, docstrings = ast.parse(text), set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            constant = node.body[0].value  # type: ignore[attr-defined]
            docstrings.add(id(constant))
            yield from docstring(inspect.cleandoc(constant.value), constant.lineno)
        yield from (Block(getattr(node, "lineno", 1), name, "name") for name in names(node))
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        if with_messages and is_text and " " in node.value.strip():
            yield Block(node.lineno, node.value, "message")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    yield from comments([(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT])


def names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node of a program gives to things."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.arg():
            yield node.arg
        case ast.Name(ctx=ast.Store()):
            yield node.id
        case ast.Attribute(ctx=ast.Store()):
            yield node.attr


def docstring(text: str, line: int) -> Iterator[Block]:
    """Yield the paragraphs and items of a docstring; drawings, tables and examples are notes."""
    section, kept, start = False, [], 0
    for number, row in enumerate([*text.splitlines(), ""]):
        heading = re.fullmatch(r"(Args|Attributes|Returns|Raises|Yields|Note|Args and Raises.*):", row)
        item = re.match(r"(    \*{0,2}[\w, .*`]+: |- |\d\. )", row) if section or row[:1] in "-0123456789" else None
        drawn = bool(re.search(r"\S {2,}|^\||[│├└▶]", row)) or (row.startswith("    ") and not section)
        if kept and (not row.strip() or heading or item or drawn):
            yield Block(line + start, "\n".join(kept))
            kept = []
        if heading:
            section = True
        elif drawn:
            yield Block(line + number, row, "note")
        elif row.strip():
            section = section and row.startswith(" ")
            start = start if kept else number
            kept.append(row[len(item[0]) :] if item else row)


def comments(rows: list[tuple[int, str]]) -> Iterator[Block]:
    """Yield runs of comments; `rows` are the line of each and its text."""
    kept: list[str] = []
    start = 0
    for line, row in [*rows, (-1, "")]:
        if kept and line != start + len(kept):
            yield Block(start, "\n".join(kept), "note")
            kept = []
        start = start if kept else line
        kept.append(row.strip().lstrip("#: "))


def markdown(text: str) -> Iterator[Block]:
    """Yield the paragraphs, items, headings and table cells of a document; its code is left out."""
    fenced, kept, start = False, [], 0
    for number, row in enumerate([*text.splitlines(), ""], 1):
        edge = row.lstrip().startswith("```")
        apart = edge or fenced or not row.strip() or row.startswith(("#", "|")) or re.match(r"\s*([-*]|\d+\.) ", row)
        if kept and apart:
            yield Block(start, "\n".join(kept))
            kept = []
        fenced = fenced != edge
        if edge or fenced or not row.strip():
            continue
        if row.startswith(("#", "|")):
            yield from (
                Block(number, cell.strip(" #"), "note") for cell in hidden(row).split("|") if cell.strip(" #-:")
            )
        else:
            start = start if kept else number
            kept.append(re.sub(r"^\s*([-*]|\d+\.) ", "", row))


def hidden(text: str) -> str:
    """Replace code, addresses and abbreviations by words of the same length, so that lines stay where they are."""

    def word(match: re.Match[str]) -> str:
        return "X" + re.sub(r"[^\n]", "x", match[0][1:])

    text = re.sub(r"(?s)``.+?``|`[^`]*`", word, text)
    text = re.sub(r"\b(?:u?int\d+|float\d*|complex\d+|bool) \([^()]*\)", word, text)
    text = re.sub(r"\]\([^)]*\)", lambda match: "]" + " " * (len(match[0]) - 1), text)
    text = re.sub(r"https?://\S+|noqa:.*|type: ignore\S*|fmt: skip", word, text)
    return re.sub(r"\b(al|cf|vs|approx|No)\. ", r"\1  ", text)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence of a text, and where in the text it begins."""
    ends = [match.end() for match in re.finditer(r"[.!?][)\"'”*]*\s+(?=[\W_]*[A-Z0-9])|:\s+(?=[A-Z][a-z])", text)]
    for start, stop in zip([0, *ends], [*ends, len(text)], strict=True):
        if sentence := text[start:stop].strip():
            yield text.index(sentence, start), sentence


def problems(block: Block) -> Iterator[tuple[int, str]]:
    """Yield the line of each broken rule in a block, and a note on it."""
    if block.kind == "name":
        yield from ((block.line, problem) for problem in name_problems(block.text))
        return
    text = hidden(block.text)
    for allowed in ALLOWED:
        text = re.sub(allowed, lambda match: re.sub(r"\w", "x", match[0]), text, flags=re.IGNORECASE)
    for start, sentence in sentences(text):
        line = block.line + text.count("\n", 0, start)
        for idiom, plain in IDIOMS.items():
            for match in re.finditer(idiom, sentence, re.IGNORECASE | re.DOTALL):
                end = start + match.end()
                shown = " ".join(block.text[max(end - 30, start) : end + 15].split())
                yield block.line + text.count("\n", 0, end), f"{shown!r}: use {plain}"
        if block.kind == "message":
            continue
        if first := re.match(r"[\W_]*(Of|Where)\b(?!.*\?\W*$)", sentence, re.DOTALL):
            yield line, f"a sentence begins with {first[1]!r}"
        if block.kind == "prose":
            n_words = len(re.findall(r"[^\W_][\w'’.,/%×-]*", sentence))
            if n_words > MOST_WORDS:
                shown = " ".join(block.text[start:].split()[:6])
                yield line, f"a sentence of {n_words} words, {MOST_WORDS} at most: {shown} ..."
            if sentence.count(";") > 1:
                yield line, f"{sentence.count(';')} semicolons in a sentence, 1 at most"


def name_problems(name: str) -> Iterator[str]:
    """Yield the rules that a name breaks; the name of a test is a sentence."""
    if name.startswith("test_"):
        yield from (f"{name}: {problem}" for _, problem in problems(Block(1, name[5:].replace("_", " "), "message")))
        return
    parts = {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    if (banned := parts & BANNED_IN_NAMES) and name not in ALLOWED_NAMES:
        yield f"the name {name} contains {', '.join(sorted(banned))}"


def first_words(path: Path) -> Iterator[Finding]:
    """Find docstrings whose first word is banned."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match = re.match(rf"({BANNED_FIRST})\b", ast.get_docstring(node) or "")
            if match:
                yield Finding(path, node.body[0].lineno, f"a docstring begins with {match[1]!r}")


def long_lines(path: Path) -> Iterator[Finding]:
    """Find lines that are too long; a table row of a document and a line that is one address may be longer."""
    for number, row in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        is_free = path.suffix == ".md" and (row.startswith("|") or " " not in row.strip())
        if len(row) > MOST_COLUMNS and not is_free:
            yield Finding(path, number, f"{len(row)} columns, {MOST_COLUMNS} at most")


def findings(path: Path) -> list[Finding]:
    """Find all broken rules of a file, in the order of its lines."""
    found = [Finding(path, line, text) for block in blocks(path) for line, text in problems(block)]
    if path.suffix == ".py":
        found += first_words(path)
    return sorted([*found, *long_lines(path)], key=lambda finding: finding.line)


@each_file
def test_text_is_plain_english(path: Path):
    found = findings(path)
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize(
    "text",
    [
        "It tells the reader.",
        "A row per face, of which one is empty.",
        "Print all but for the first.",
        "Take whatever is there.",
        "Compute from what the cache lacks.",
        "What is damaged is extracted again.",
        "One way through the house.",
        "The first sighting counts.",
        "Write a draft and rename it.",
        "A stale claim is removed.",
        "The model's answers hold still.",
        "The place cannot be written.",
        "Read it. Where it is damaged, stop.",
        "Address: Of the cluster.",
        "One; two; three.",
        " ".join(["word"] * (MOST_WORDS + 1)),
    ],
)
def test_an_idiom_is_found(text: str):
    assert list(problems(Block(1, text)))


@pytest.mark.parametrize(
    "text",
    [
        "Check what is missing.",
        "What does the face show?",
        "It shows what faces express, not what people feel.",
        "The header claims ten frames.",
        "No Ray cluster answers within ten seconds.",
        "Rename the file in place.",
        "A second model takes its place.",
        "Code such as `place = told` is left alone.",
        "Two faces in the same place are one, as Kazemi et al. Of the text above shows.",
        " ".join(["word"] * MOST_WORDS) + ".",
    ],
)
def test_innocent_words_are_left_alone(text: str):
    assert list(problems(Block(1, text))) == []


@pytest.mark.parametrize(
    ("name", "is_banned"),
    [
        ("told", True),
        ("_claim_path", True),
        ("placeTold", True),
        ("replace", False),
        ("test_the_answer_is_kept", True),
        ("test_what_is_missing_is_named", True),
        ("test_files_are_kept_in_place", False),
    ],
)
def test_names_are_read_in_parts(name: str, is_banned: bool):
    assert bool(list(name_problems(name))) == is_banned


def test_a_finding_names_the_line_in_a_document_and_in_a_docstring(tmp_path: Path):
    text = "# Title\n\nOne line is fine. The other\ntells a story.\n\n| a | told |\n\n```\ntold\n```\n"
    assert [line for block in markdown(text) for line, _ in problems(block)] == [4, 6]
    code = 'def f(a):\n    """Return a.\n\n    Args:\n        a: Of the clip.\n    """\n    # told\n    return a\n'
    assert [line for block in python(code, with_messages=True) for line, _ in problems(block)] == [5, 7]


def main() -> int:
    """Print the findings of some files, or of all; return how many files have any, at most 1."""
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or FILES
    found = [finding for path in chosen for finding in findings(path)]
    print("\n".join(map(str, found)))
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
