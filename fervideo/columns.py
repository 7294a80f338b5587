"""The columns of every table, as data: name, unit, dtype, rounding, meaning and source.

Header order, dtypes, rounding, `fervideo describe` and the tables in `docs/results.md` derive from here. Columns are
only ever added at the end of a table. Those that begin with `p_`, `clip_p_` and `time_` follow a model's labels; those
that begin with `raw_` follow EXPRESSIONS, which every frame classifier has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fervideo.movements import MOVEMENTS, Movement
from fervideo.records import EXPRESSIONS, NEGATIVE

#: Decimals of every probability and share, and of every time in seconds.
SHARE_DECIMALS, TIME_DECIMALS = 4, 6


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its header, in snake_case; a unit of measurement ends it.
        unit: Unit or range of the values, for people; empty where there is none.
        dtype: `float`, `int` (never missing), `number` (an integer that may be missing) or `text`.
        decimals: Decimals that floats are rounded to; None where they are not.
        meaning: Its contents, in one line.
        source: Paper or specification of its definition; empty where it is our own.
    """

    name: str
    unit: str = ""
    dtype: Literal["float", "int", "number", "text"] = "float"
    decimals: int | None = None
    meaning: str
    source: str = ""


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, dtype="text", meaning=meaning)


def _number(name: str, meaning: str) -> Column:
    return Column(name=name, dtype="number", meaning=meaning)


def _flag(name: str, meaning: str) -> Column:
    return Column(name=name, unit="0, 1", dtype="number", meaning=meaning)


def _time(name: str, meaning: str) -> Column:
    return Column(name=name, unit="s", decimals=TIME_DECIMALS, meaning=meaning)


def _share(name: str, meaning: str, source: str = "") -> Column:
    return Column(name=name, unit="0 to 1", decimals=SHARE_DECIMALS, meaning=meaning, source=source)


def _pixels(name: str, meaning: str) -> Column:
    return Column(name=name, unit="px", decimals=2, meaning=meaning)


def _angle(name: str, meaning: str, source: str = "Kabsch 1976") -> Column:
    return Column(name=name, unit="degrees", decimals=2, meaning=meaning, source=source)


def _ratio(name: str, unit: str, meaning: str, source: str) -> Column:
    return Column(name=name, unit=unit, decimals=4, meaning=meaning, source=source)


def _movement(name: str, movement: Movement) -> Column:
    unit = "" if movement.action_unit is None else f", AU {movement.action_unit}"
    meaning = f"{movement.meaning} ({movement.google})"
    return Column(name=f"move_{name}", unit="0 to 1", decimals=3, meaning=meaning, source=f"FaceLandmarker{unit}")


def _valence(name: str, meaning: str) -> Column:
    return Column(name=name, unit="-1 to 1", decimals=SHARE_DECIMALS, meaning=meaning, source="FaceReader")


_EYE = "eye aspect ratio of the person's {} eye: gap of lids / width"
_EYES_APART = "eye distances"

#: Measures of a face from its landmarks, by name; `measures.FUNCTIONS` computes each.
MEASURES: dict[str, Column] = {
    column.name: column
    for column in (
        _angle("yaw_deg", "yaw of the head; > 0: the face turns to the right of the picture"),
        _angle("pitch_deg", "pitch of the head; > 0: the face looks up, 0 is the median of FER+'s faces"),
        _angle("roll_deg", "roll of the head; > 0: it tilts clockwise in the picture"),
        _ratio("eye_open_left", "ratio", _EYE.format("left"), "Soukupová & Čech 2016"),
        _ratio("eye_open_right", "ratio", _EYE.format("right"), "Soukupová & Čech 2016"),
        _ratio("mouth_open", _EYES_APART, "gap of the inner lips", "FACS AU 25 to 27"),
        _ratio(
            "smile",
            _EYES_APART,
            "height of the lip corners over the middle of the lips; < 0: pulled down",
            "FACS AU 12, 15",
        ),
        _ratio("brow_raise", _EYES_APART, "height of the brows over the line of the eye corners", "FACS AU 1, 2"),
        _ratio("brow_furrow", "ratio", "1 - gap of the inner brows / gap of the inner eye corners", "FACS AU 4"),
        Column(name="face_px", unit="px", decimals=1, meaning="longer side of the box"),
        _share("inside", "share of the face's landmarks that lie in the picture"),
        _share("blur", "blur of the face's crop; 0: sharp, 1: blurred", "Crete et al. 2007"),
        _share("brightness", "mean of the face's crop; 0: black, 1: white"),
        _share("quality", "how far the row can be trusted: product of conditions from size to pose"),
        Column(name="cut_off", unit="0, 1", decimals=0, meaning="1: mouth or both eyes lie outside the picture"),
        _ratio("asymmetry_smile", _EYES_APART, "height of the left lip corner over the right one", ""),
        _ratio("asymmetry_brows", _EYES_APART, "height of the left brow over its eye, minus that of the right one", ""),
        _angle("gaze_yaw_deg", "direction of the gaze; 0: into the camera, > 0: to the right of the picture", ""),
        _angle("gaze_pitch_deg", "direction of the gaze; 0: into the camera, > 0: up", ""),
        *(_movement(name, movement) for name, movement in MOVEMENTS.items()),
    )
}

_BOX = (
    _pixels("box_x_px", "left edge of the box around the landmarks, in the upright frame"),
    _pixels("box_y_px", "top edge of that box"),
    _pixels("box_w_px", "width of that box"),
    _pixels("box_h_px", "height of that box"),
)
#: Their names: left edge, top edge, width and height.
BOX = tuple(column.name for column in _BOX)
_EVENTS = (
    _number("face", "number of the face, as in the table of frames"),
    _text("expression", "expression that the face shows during the event"),
    _time("onset_s", "start of the event"),
    _time("apex_s", "first time at which its probability is highest"),
    _time("offset_s", "end of the event, where the next one may start"),
    _time("duration_s", "offset_s - onset_s"),
    _share("mean_confidence", "mean probability of the expression, weighted by the frames' durations"),
    _share("peak_confidence", "highest probability of the expression"),
    _time("media_onset_s", "onset_s on a player's clock"),
    _text("kind", "`expression`, or a moment beside it: `smile`, `blink`, `eyes_closed`, `looking_away`"),
    Column(
        name="amplitude",
        unit="0 to 1, degrees",
        decimals=3,
        meaning="smile: height above the face at rest; looking_away: largest angle from the camera",
    ),
    _time("rise_s", "apex_s - onset_s of a moment"),
    _text("second_expression", "expression with the largest mean p_ in it beside its own"),
    _share("second_confidence", "mean probability of that expression, weighted by the frames' durations"),
    _flag("uncertain", "1: frames that show it and are not uncertain fill less than half of its time"),
)
#: Columns of frames about the evidence of their labels; `timeline.certainty` computes them.
_CERTAINTY = (
    _text("second_expression", "expression with the second largest p_"),
    _share("second_confidence", "probability of that expression"),
    _flag("uncertain", "1: the evidence is thin, by confidence, quality and status"),
)
#: Columns of a face that need its course in time; `timeline.courses` computes each.
COURSES: tuple[Column, ...] = (
    Column(
        name="eyes_closed", unit="0, 1", decimals=0, meaning="1: both eyes are closed, by the person's own open eye"
    ),
    Column(name="towards_camera", unit="0, 1", decimals=0, meaning="1: the gaze is within a cone around the camera"),
    _share("speaking", "how much the mouth moves as in speech, by sight alone"),
)
#: Measures that are older than COURSES, and so stand before them in the table of frames; those older than _CERTAINTY.
_FIRST_MEASURES, _MEASURES_BEFORE_CERTAINTY = 9, 54
#: Names of columns that results of earlier versions may lack, beside those of measures.
NEWER = frozenset(column.name for column in _CERTAINTY)
#: The last column of a clip's tables where its faces have names.
NAME = _text("name", "name that --names gives the face")
#: Start of the names of movements.
MOVE = "move_"
#: End of the names of columns relative to a baseline, and the measures that have one: no conditions of the picture.
REL = "_rel"
RELATIVE = [name for name in MEASURES if name not in ("face_px", "inside", "blur", "brightness", "quality", "cut_off")]
#: Columns of a batch's table of clips, before those of the summary.
CLIP = (
    _text("path", "path of the video, relative to the folder given"),
    _text("status", "`complete`, or `damaged` where frames of the video are missing"),
)
_FAILURES = (
    _text("path", "path of the video, relative to the folder given"),
    _text("stage", "stage that failed: `open`, `extract`, `finish`, or `decode` where frames are missing"),
    _text("error", "reason of the failure"),
    _text("remedy", "remedy that may help"),
)


def prefixed(prefix: str, labels: Sequence[str] = EXPRESSIONS) -> list[str]:
    """Return the names of a column for each label: `p_neutral` and so on for the prefix `p`."""
    return [f"{prefix}_{label}" for label in labels]


def names(columns: Iterable[Column]) -> list[str]:
    """Return the header of a table."""
    return [column.name for column in columns]


def frames(labels: Sequence[str] = EXPRESSIONS, *, unsmoothed: bool = False) -> tuple[Column, ...]:
    """Return the columns of the table of frames.

    Args:
        labels: Labels of the model.
        unsmoothed: Whether movements come a second time, as each frame alone shows them.
    """
    measures = list(MEASURES.values())
    return (
        Column(name="frame", dtype="int", meaning="index of the frame in the file, from 0"),
        _time("time_s", "presentation time of the frame, right for variable frame rates; the first frame has 0"),
        _number("face", "number of the face in this video, from 0 for the one on screen longest; empty: no face"),
        _text(
            "status",
            "`ok`, `cut_off`: mouth or eyes outside, `gap`: bridged, `no_face`, `damaged`: cannot be decoded",
        ),
        _text("expression", "most probable expression, the one with the largest p_"),
        _share("confidence", "probability of that expression"),
        *_each("p", labels, "probability of {} by the sequence model, smoothed in time"),
        *_each("raw", EXPRESSIONS, "probability of {} by the frame classifier alone"),
        _valence("valence", f"p_happiness minus the largest p_ of {_listed(NEGATIVE)}"),
        *_BOX,
        *measures[:_FIRST_MEASURES],
        _time("media_time_s", "time_s on a player's clock, which begins with the earliest stream of the file"),
        *COURSES,
        *measures[_FIRST_MEASURES:_MEASURES_BEFORE_CERTAINTY],
        *_CERTAINTY,
        *measures[_MEASURES_BEFORE_CERTAINTY:],
        *(_unsmoothed(column) for name, column in MEASURES.items() if unsmoothed and name.startswith(MOVE)),
    )


def is_newer(name: str) -> bool:
    """Check whether a result of an earlier version may lack a column."""
    return name in NEWER or name.removesuffix(REL) in MEASURES


def _unsmoothed(column: Column) -> Column:
    return replace(column, name=f"{column.name}_unsmoothed", meaning=f"{column.meaning}, from this frame alone")


def of_run(labels: Sequence[str], measures: Mapping[str, Any]) -> dict[str, tuple[Column, ...]]:
    """Return the columns of a clip's three tables as a run writes them.

    Args:
        labels: Labels of the model.
        measures: The run's settings of measures; `unsmoothed`, `names` and `baseline` add columns.
    """
    name = (NAME,) if measures.get("names") else ()
    beside_baseline = relative() if measures.get("baseline") else ()
    return {
        "frames": (*frames(labels, unsmoothed=measures.get("unsmoothed", False)), *name, *beside_baseline),
        "events": (*events(), *name),
        "summary": (*summary(labels), *name),
    }


def relative() -> tuple[Column, ...]:
    """Return the columns that a baseline adds to the table of frames."""
    return tuple(
        replace(MEASURES[name], name=f"{name}{REL}", meaning=f"{name} minus the person's own at rest", source="")
        for name in RELATIVE
    )


def baseline() -> tuple[Column, ...]:
    """Return the columns of the table of baselines."""
    return (
        _text("video", "name of the video file"),
        _number("face", "number of the face, as in the table of frames"),
        NAME,
        _number("frames", "frames that the baseline is the median of"),
        *(MEASURES[name] for name in RELATIVE),
    )


def events() -> tuple[Column, ...]:
    """Return the columns of the table of events."""
    return _EVENTS


def summary(labels: Sequence[str] = EXPRESSIONS) -> tuple[Column, ...]:
    """Return the columns of the summary, for a model with these labels."""
    return (
        _text("video", "name of the video file"),
        _number("face", "number of the face, as in the table of frames; empty: no face in the video"),
        _time("start_s", "start of the first frame that shows the face"),
        _time("end_s", "end of the last frame that shows the face"),
        _share("coverage", "share of the analysed frames that can be decoded in which the face is seen"),
        _text("expression", "expression other than neutral with the largest time_, if shown long enough; else neutral"),
        _share("confidence", "mean p_ of that expression over the frames that show it, weighted by their durations"),
        *_each("clip_p", labels, "probability of {} in the clip as a whole, by the clip head"),
        *_each("time", labels, "share of the face's time in which {} is most probable"),
        Column(name="events_per_min", unit="1/min", decimals=2, meaning="events per minute of the face's time"),
        _valence("mean_valence", "mean valence, weighted by the frames' durations"),
        _text("clip_expression", "expression with the largest clip_p_"),
        _number("maybe_face", "number of the earlier face that this one may be, returned after an absence or a cut"),
        _number("still", "1: the face never moves, as on a poster or a drawing; 0: it does; empty: too short to judge"),
        _number("faces_seen", "faces that the clip shows at once; 4 are analysed unless --faces asks for more"),
        Column(name="blinks_per_min", unit="1/min", decimals=2, meaning="blinks per minute in which the face is seen"),
        _share("closed_share", "share of that time with closed eyes"),
        _share("towards_share", "share of the time with open eyes in which the gaze is towards the camera"),
        _share("left_share", "share of it in which the gaze is to the person's left of that"),
        _share("right_share", "share of it in which the gaze is to the person's right"),
        _share("up_share", "share of it in which the gaze is above"),
        _share("down_share", "share of it in which the gaze is below"),
        _share("smile_share", "share of the time in which the face is seen with a smile event"),
        _share("speaking_share", "share of the time in which speaking is 0.5 or more"),
    )


def photos(labels: Sequence[str] = EXPRESSIONS) -> tuple[Column, ...]:
    """Return the columns of the table of photographs, for a frame classifier with these labels."""
    return (
        _text("photo", "path of the photograph, as given"),
        _number("face", "number of the face in the photograph, from 0 for the largest; empty: no face"),
        _text("expression", "most probable expression, the one with the largest p_"),
        _share("confidence", "probability of that expression"),
        *_each("p", labels, "probability of {} by the frame classifier"),
        *_BOX,
        *MEASURES.values(),
    )


def clips(labels: Sequence[str] = EXPRESSIONS) -> tuple[Column, ...]:
    """Return the columns of a batch's table of clips, for a model with these labels."""
    return *CLIP, *summary(labels)


def failures() -> tuple[Column, ...]:
    """Return the columns of a batch's table of failures."""
    return _FAILURES


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of results.

    Attributes:
        file: Name of its file.
        rows: Rows that it has.
        columns: Function that returns its columns.
    """

    file: str
    rows: str
    columns: Callable[[], tuple[Column, ...]]


TABLES = {
    "frames": Table(file="CLIP.timeline.csv", rows="one row per face per frame", columns=frames),
    "events": Table(file="CLIP.events.csv", rows="one row per event", columns=events),
    "summary": Table(file="CLIP.summary.csv", rows="one row per face", columns=summary),
    "baseline": Table(file="CLIP.baseline.csv, with --baseline", rows="one row per face", columns=baseline),
    "photos": Table(file="FILE of fervideo image -o", rows="one row per face", columns=photos),
    "clips": Table(file="clips.csv of a batch", rows="one row per face per clip", columns=clips),
    "failures": Table(file="failures.csv of a batch", rows="one row per clip with a failure", columns=failures),
}


def _each(prefix: str, labels: Sequence[str], meaning: str) -> list[Column]:
    """Return a column of shares for each label."""
    named = zip(prefixed(prefix, labels), labels, strict=True)
    return [_share(name, meaning.format(label)) for name, label in named]


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
