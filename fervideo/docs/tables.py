"""The columns of every table as text, JSON and Markdown, from `columns.TABLES`."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import asdict

from fervideo import columns
from fervideo.errors import UsageError, nearest

#: Width of the lines that `describe` prints, and the most of it for meanings.
_WIDTH, _MEANING_WIDTH = 120, 64


def describe(table: str | None = None) -> str:
    """Return the columns of a table as aligned text, for the terminal.

    Args:
        table: Its name in columns.TABLES; None for all of them.

    Raises:
        UsageError: No table has this name.
    """
    parts = []
    for name, chosen in _chosen(table).items():
        lines, own = [("name", "unit", "meaning", "source")], chosen.columns()
        others = sum(max(len(getattr(column, part)) + 2 for column in own) for part in ("name", "unit", "source"))
        for column in own:
            # Later lines of a long meaning stand below its first.
            first, *more = textwrap.wrap(column.meaning, min(_MEANING_WIDTH, _WIDTH - others))
            lines += [(column.name, column.unit, first, column.source), *(("", "", text, "") for text in more)]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        rows = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        parts.append("\n".join([f"{name}: {chosen.rows}, {chosen.file}", *rows]))
    return "\n\n".join(parts)


def to_json(table: str | None = None) -> str:
    """Return the columns of a table, or of all, as JSON: an object with an array of columns for each table.

    Raises:
        UsageError: No table has this name.
    """
    found = {name: [asdict(column) for column in chosen.columns()] for name, chosen in _chosen(table).items()}
    return json.dumps(found, indent=1)


def to_markdown(table: str) -> str:
    """Return the columns of a table as a table in Markdown, for the docs.

    Raises:
        UsageError: No table has this name.
    """
    lines = ["| column | unit | meaning | source |", "|---|---|---|---|"]
    for column in _chosen(table)[table].columns():
        cells = [text.replace("|", r"\|") for text in (column.unit, column.meaning, column.source)]
        lines.append(f"| {' | '.join([f'`{column.name}`', *cells])} |".replace("  ", " "))
    return "\n".join(lines)


#: In a page of the docs, the lines around a table of columns.
_MARKED = re.compile(r"(<!-- columns: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """Return a page of the docs with its tables of columns as they are now.

    Raises:
        UsageError: The page names a table that does not exist.
    """
    return _MARKED.sub(lambda found: f"{found[1]}{to_markdown(found[2])}\n{found[3]}", page)


def _chosen(table: str | None) -> dict[str, columns.Table]:
    if table is None:
        return columns.TABLES
    if table not in columns.TABLES:
        near = nearest(table, columns.TABLES)
        remedy = f"did you mean {near}?" if near else f"choose from {', '.join(columns.TABLES)}"
        raise UsageError(f"describe {table}", "is not a table", remedy)
    return {table: columns.TABLES[table]}
