"""Settings as a list that people read: each key with its value, its range and its effect, as text, TOML or Markdown."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from fervideo.errors import UsageError, nearest
from fervideo.settings.sections import OPTIONS, Settings, TrainingSettings

#: Unit of a key, by the end of its name.
_UNITS = {"_s": "seconds", "_fps": "frames per second"}
#: Longest line of a text or of a comment.
_COLUMNS = 110
_INTRODUCTION = """\
# Settings

`fervideo settings` prints these tables for a run: `fervideo settings --config fast --set events.hold=0.3`.
A setting is changed in four ways; those further down win.

1. `--config FILE`: a TOML file with the values that differ from the defaults. `--config fast` takes a shipped one:
   `default`, `fast`, `accurate`, `train`.
2. `--set SECTION.KEY=VALUE`: any setting, as often as needed.
3. An option that is short for a setting, such as `--faces 2`.
4. In Python: `fervideo.analyze(path, {"events.hold": 0.3}, faces=2, config="fast")`.

With other settings of `video` or `faces` a video is decoded again. With another classifier no face is looked for again;
one that reads landmarks decodes nothing.
"""


@dataclass(frozen=True)
class Setting:
    """One key of the settings.

    Attributes:
        section: Its section.
        key: Its name there.
        value: Its value in these settings.
        default: Its value where nothing changes it.
        range: The values that it may have, with their unit.
        description: Its effect.
    """

    section: str
    key: str
    value: Any
    default: Any
    range: str
    description: str


def option(name: str) -> str:
    """Return the option of the commands for a keyword in Python: `--from` for `from_`."""
    return f"--{name.rstrip('_').replace('_', '-')}"


def describe(settings: Settings | None = None, sections: Collection[str] = ()) -> list[Setting]:
    """List every key of settings, in order.

    Args:
        settings: The settings of a run or of a training; None for all defaults.
        sections: The sections to list; none for all.

    Raises:
        UsageError: There is no such section.
    """
    settings = settings or TrainingSettings()
    tree = settings.model_dump(mode="json")
    if unknown := [name for name in sections if name not in tree]:
        near = nearest(unknown[0], tree)
        remedy = f"did you mean {near}?" if near else f"known sections: {', '.join(tree)}"
        raise UsageError(unknown[0], "is no section of the settings", remedy)
    found = []
    for section, values in tree.items():
        if sections and section not in sections:
            continue
        kind = type(getattr(settings, section))
        for key, field in kind.model_fields.items():
            found.append(
                Setting(
                    section=section,
                    key=key,
                    value=values[key],
                    default=field.default,
                    range=range_text(key, field),
                    description=field.description or "",
                )
            )
    return found


def range_text(key: str, field: FieldInfo) -> str:
    """Return the values that a key may have, in words, with their unit: from its type and bounds."""
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["range"])
    options, words = list(_alternatives(field.annotation, field.metadata)), []
    names = [option for option in options if isinstance(option, str)]
    if names:
        words.append(f"one of {', '.join(names)}" if len(names) > 1 else names[0])
    for kind, bounds in (option for option in options if not isinstance(option, str)):
        words.append("true or false" if kind is bool else _span(bounds))
    unit = next((f" {unit}" for end, unit in _UNITS.items() if key.endswith(end)), "")
    text = ", or ".join(word for word in words if word) + unit
    return f"{text}, or unset" if (NoneType, []) in options else text


def _alternatives(annotation: Any, metadata: Sequence[Any]) -> Iterator[str | tuple[Any, list[Any]]]:
    """Yield the names that a type allows, and its other types with their bounds."""
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    elif get_origin(annotation) is Annotated:
        kind, inner = get_args(annotation)
        yield kind, inner.metadata
    elif get_args(annotation):
        for part in get_args(annotation):
            yield from _alternatives(part, [] if part is NoneType else metadata)
    else:
        yield annotation, list(metadata)


def _span(bounds: Sequence[Any]) -> str:
    """Return the numbers between bounds, in words."""
    found = {
        name: getattr(bound, name) for bound in bounds for name in ("gt", "ge", "lt", "le") if hasattr(bound, name)
    }
    low = f"above {found['gt']:g}" if "gt" in found else f"{found['ge']}" if "ge" in found else ""
    high = f"below {found['lt']:g}" if "lt" in found else f"{found['le']}" if "le" in found else ""
    return f"{low} to {high}" if low else ""


def to_text(settings: Settings, sections: Collection[str] = ()) -> str:
    """Write settings for the terminal: a paragraph per section, with values that differ from the defaults marked.

    Args:
        settings: The settings.
        sections: The sections to write; none for all.

    Raises:
        UsageError: There is no such section.
    """
    lines = []
    for name, keys in _by_section(settings, sections):
        lines += [f"[{name}] {_title(settings, name)}"]
        for setting in keys:
            changed = "" if setting.value == setting.default else f" (default: {_shown(setting.default)})"
            value = f"  {setting.key} = {_shown(setting.value)}{changed}"
            lines += [f"{value:<40}  {setting.range}", *_wrapped(setting.description, "      ")]
        lines.append("")
    return "\n".join(lines).rstrip()


def to_toml(settings: Settings, sections: Collection[str] = (), *, comments: bool = False) -> str:
    """Write settings as a TOML file that `load` reads back.

    Args:
        settings: The settings.
        sections: The sections to write; none for all.
        comments: Whether to explain every key; a key without a value then stands in a comment, else it is left out.

    Raises:
        UsageError: There is no such section.
    """
    lines = []
    for name, keys in _by_section(settings, sections):
        lines += [f"# {_title(settings, name)}"] if comments else []
        lines.append(f"[{name}]")
        for setting in keys:
            if comments:
                about = f"{setting.range[0].upper()}{setting.range[1:]}. {setting.description}"
                lines += [*_wrapped(about, "# "), f"{_assignment(setting, _example(settings, setting))}\n"]
            elif setting.value is not None:
                lines.append(_assignment(setting))
        lines += [] if comments else [""]
    return "\n".join(lines)


def to_markdown() -> str:
    """Write all settings with their defaults as a document: a table per section."""
    parts, settings = [_INTRODUCTION], TrainingSettings()
    rows = [f"| `{option(name)}` | `{name}` | `{key}` |" for name, key in OPTIONS.items()]
    parts += ["\n".join(["| option | keyword in Python | setting |", "|---|---|---|", *rows, ""])]
    for name, keys in _by_section(settings):
        rows = [
            f"| `{setting.key}` | {_shown(setting.default)} | {setting.range} | {setting.description} |"
            for setting in keys
        ]
        head = [f"## {name}", "", _title(settings, name), "", "| key | default | range | effect |", "|---|---|---|---|"]
        parts.append("\n".join([*head, *rows, ""]))
    return "\n".join(parts)


def _by_section(settings: Settings, sections: Collection[str] = ()) -> Iterator[tuple[str, list[Setting]]]:
    for name, keys in groupby(describe(settings, sections), lambda setting: setting.section):
        yield name, list(keys)


def _title(settings: Settings, section: str) -> str:
    return str(type(getattr(settings, section)).__doc__)


def _example(settings: Settings, setting: Setting) -> Any:
    field = type(getattr(settings, setting.section)).model_fields[setting.key]
    return field.examples[0] if field.examples else setting.default


def _assignment(setting: Setting, example: Any = None) -> str:
    # JSON's numbers, texts and booleans are TOML's too.
    if setting.value is None:
        return f"# {setting.key} = {json.dumps(example)}"
    return f"{setting.key} = {json.dumps(setting.value)}"


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _COLUMNS, initial_indent=indent, subsequent_indent=indent)
