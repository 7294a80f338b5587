"""Write the generated parts of `fervideo/docs` anew: the tables of columns, and the page of settings.

    python tools/generated_docs.py

Tables of columns come from `fervideo/columns.py`; a page marks each with `<!-- columns: TABLE -->` before it and
`<!-- end -->` after it. The page of settings comes from `fervideo/settings`.
"""

from __future__ import annotations

from pathlib import Path

from fervideo import columns, settings
from fervideo.docs import tables

DOCS = Path(columns.__file__).parent / "docs"


def main() -> None:
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        new = settings.to_markdown() if path.stem == "settings" else tables.renewed(page)
        if new != page:
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
