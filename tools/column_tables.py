"""Write the tables of columns in `fervideo/docs/*.md` anew, from `fervideo/columns.py`.

    python tools/column_tables.py

A page marks each of its tables with `<!-- columns: TABLE -->` before it and `<!-- end -->` after it.
"""

from __future__ import annotations

from pathlib import Path

from fervideo import columns

DOCS = Path(columns.__file__).parent / "docs"


def main() -> None:
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (new := columns.renewed(page)) != page:
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
