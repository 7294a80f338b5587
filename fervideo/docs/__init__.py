"""The documentation that ships with the package: one Markdown file for each topic, printed by `fervideo docs TOPIC`."""

from __future__ import annotations

from pathlib import Path

from fervideo.errors import UsageError, nearest

_FOLDER = Path(__file__).parent


def topics() -> dict[str, str]:
    """Return the first heading of each topic, by the topic's name."""
    return {path.stem: _heading(path) for path in sorted(_FOLDER.glob("*.md"))}


def read(topic: str) -> str:
    """Return the text of a topic, in Markdown.

    Args:
        topic: Its name, in any case, with or without `.md`.

    Raises:
        UsageError: There is no such topic; the message names the nearest.
    """
    known = topics()
    name = topic.lower().removesuffix(".md")
    if name not in known:
        near = nearest(name, known, 0.6)
        remedy = f"did you mean {near}?" if near else f"known topics: {', '.join(known)}"
        raise UsageError(f"docs {topic}", "is not a topic", remedy)
    lines = (_FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines(keepends=True)
    # Marks of generated tables are for tools, not for readers.
    return "".join(line for line in lines if not line.startswith("<!--"))


def _heading(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()
