"""A clip's page: one HTML file from the content of the clip, our own style and code, and Plotly."""

from __future__ import annotations

import html
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fervideo.errors import UsageError
from fervideo.report import content
from fervideo.report.content import Pictures
from fervideo.report.numbers import packed
from fervideo.timeline.record import Timeline

#: End of the name of a clip's page.
SUFFIX = ".report.html"
#: Name of the file with Plotly that the pages of a folder share.
SHARED = "plotly.min.js"
_ASSETS = Path(__file__).parent / "assets"
#: Code of a clip's page, in this order in one script.
_CODE = (
    "core.js",
    "data.js",
    "player.js",
    "view.js",
    "plots.js",
    "band.js",
    "marks.js",
    "side.js",
    "keys.js",
    "main.js",
)


def of_clip(
    timeline: Timeline,
    pictures: Pictures = content.NO_PICTURES,
    address: str = "",
    missing: str = "",
    shared: str = "",
    home: str = "",
    marks: Iterable[Mapping[str, Any]] = (),
) -> str:
    """Make the page of a clip.

    Args:
        timeline: The timeline.
        pictures: Its pictures.
        address: Address of the video, as seen from the page; empty without.
        missing: Why the page has no video; empty where it has one.
        shared: Address of Plotly as seen from the page; empty to embed it.
        home: Address of the page that lists all clips; empty without.
        marks: Stretches of a coder, as `coder.read` returns them.

    Returns:
        HTML.

    Raises:
        UsageError: Plotly is not installed.
    """
    facts, numbers = content.of_clip(timeline, pictures, address, missing, marks)
    if shared:
        plotly = f'<script src="{html.escape(shared)}" id="plotly" defer></script>'
    else:
        plotly = f'<script type="text/plain" id="plotly">{packed(plotly_code())}</script>'
    return filled(
        "page.html",
        TITLE=html.escape(facts["name"]),
        STYLE=asset("base.css") + asset("page.css"),
        CONTENT=embedded({**facts, "home": home}),
        NUMBERS=numbers.text(),
        PLOTLY=plotly,
        CODE=code(_CODE),
    )


def plotly_code() -> bytes:
    """Return Plotly's code for browsers, which its Python package contains.

    Raises:
        UsageError: The package is missing.
    """
    # To import the package would cost a second, and nothing of it is needed.
    spec = importlib.util.find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UsageError("a report", "needs plotly, which is not installed", "pip install plotly")
    return path.read_bytes()


def filled(template: str, **parts: str) -> str:
    """Return a template with its parts filled in, in one pass: a part may contain anything."""
    pieces = asset(template).split("%%")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def code(names: Iterable[str]) -> str:
    """Return files of our own code as the text of one script."""
    return "(() => {\n" + '"use strict";\n' + "\n".join(map(asset, names)) + "\n})();"


def asset(name: str) -> str:
    """Return a file of the folder `assets`."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def embedded(value: Any) -> str:
    """Return JSON that no text in it can end early: it stands inside a `<script>`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
