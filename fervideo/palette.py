"""Colours of expressions: the same in figures, overlay and report."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

#: Apart for people with any common colour blindness (after Okabe and Ito, 2008, "Color universal design"); the
#: yellow is darker than theirs, so that it shows on white.
COLOURS = MappingProxyType(
    {
        "neutral": "#8c8c8c",
        "happiness": "#e69f00",
        "surprise": "#c9b800",
        "sadness": "#0072b2",
        "anger": "#d55e00",
        "disgust": "#009e73",
        "fear": "#cc79a7",
        "contempt": "#56b4e9",
    }
)
#: For the labels of a user's own model, in their order.
_OTHERS = tuple(COLOURS.values())[1:]


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Give each label its colour, as `#rrggbb`.

    An expression that fervideo knows has always the same one. Other labels get those that are left, from the first
    again where there are too few.
    """
    left = [colour for colour in _OTHERS if colour not in {COLOURS.get(label) for label in labels}] or list(_OTHERS)
    others = [label for label in labels if label not in COLOURS]
    return {label: COLOURS.get(label) or left[others.index(label) % len(left)] for label in labels}
