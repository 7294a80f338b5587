"""The movements of a face that are measured, by the names of Google's blendshapes, and the nearest FACS action units.

Left and right are the person's own. Movements that hardly ever vary, or that follow the official pipeline poorly on
video, are left out: `weights/movements.md` has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Movements of each side: their meaning, and the nearest action unit; then those of the whole face.
_SIDED = {
    "brow_down": ("brow drawn down", 4),
    "brow_outer_up": ("outer half of the brow raised", 2),
    "eye_blink": ("eye closed", 45),
    "eye_look_down": ("eye turned down", 64),
    "eye_look_in": ("eye turned towards the nose", None),
    "eye_look_out": ("eye turned away from the nose", None),
    "eye_look_up": ("eye turned up", 63),
    "eye_squint": ("lids tightened", 7),
    "eye_wide": ("upper lid raised", 5),
    "mouth_dimple": ("lip corner drawn back", 14),
    "mouth_lower_down": ("lower lip drawn down", 16),
    "mouth_press": ("lips pressed together", 24),
    "mouth_smile": ("lip corner raised", 12),
    "mouth_upper_up": ("upper lip raised", 10),
}
_WHOLE = {
    "brow_inner_up": ("inner halves of the brows raised", 1),
    "jaw_open": ("jaw dropped", 26),
    "mouth_funnel": ("lips rounded and opened", 22),
    "mouth_left": ("mouth moved to the left", None),
    "mouth_pucker": ("lips rounded and pushed forward", 18),
    "mouth_right": ("mouth moved to the right", None),
    "mouth_shrug_lower": ("chin and lower lip pushed up", 17),
}


@dataclass(frozen=True)
class Movement:
    """One movement.

    Attributes:
        google: Google's name of it.
        meaning: The part that moves, and its way.
        action_unit: Number of the nearest action unit of FACS; None where there is none.
    """

    google: str
    meaning: str
    action_unit: int | None


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _table() -> dict[str, Movement]:
    rows = {
        f"{name}_{side}": (f"{meaning}, {side}", unit)
        for name, (meaning, unit) in _SIDED.items()
        for side in ("left", "right")
    }
    return {name: Movement(_camel_case(name), *row) for name, row in sorted({**rows, **_WHOLE}.items())}


#: The movements by name, in the order of the alphabet and of the network's outputs.
MOVEMENTS: dict[str, Movement] = _table()
