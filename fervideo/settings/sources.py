"""Sources of a run's settings: a shipped or own TOML file, `section.key=value` assignments, and options by name.

Later sources win. Every message names the source at fault, the range, and for an unknown key the nearest one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, overload

from pydantic import ValidationError

from fervideo import bounded
from fervideo.errors import UsageError, nearest
from fervideo.settings.listing import range_text
from fervideo.settings.sections import OPTIONS, Settings, TrainingSettings

#: Keywords of Python functions beside OPTIONS.
_KEYWORDS = ("config", "progress", "settings")

S = TypeVar("S", bound=Settings)
#: Values by section and key.
Tree = dict[str, dict[str, Any]]


class _Change(NamedTuple):
    source: str
    section: str
    key: str
    value: Any


@overload
def load(config: Path | str | None = None, changes: Sequence[tuple[str, str]] = ()) -> Settings: ...


@overload
def load(config: Path | str | None, changes: Sequence[tuple[str, str]], kind: type[S]) -> S: ...


def load(
    config: Path | str | None = None, changes: Sequence[tuple[str, str]] = (), kind: type[Settings] = Settings
) -> Settings:
    """Read the settings of a run: the defaults, changed by a file, changed by assignments.

    Args:
        config: A TOML file with the values that differ from the defaults, or the name of a shipped one, such as `fast`.
        changes: The source of each, for messages, and `section.key=value`; later ones win.
        kind: TrainingSettings for a training.

    Raises:
        UsageError: The file cannot be read, or a key or value is not possible; for an unknown key the nearest is
            suggested.
    """
    source = "settings" if config is None else str(config)
    return _changed(_read(config, kind), map(_assignment, changes), kind, source)


def chosen(given: object, options: Mapping[str, Any]) -> Settings:
    """Return the settings of a call from Python.

    Args:
        given: Settings, or None for the defaults, or a mapping of the values that differ from them:
            {"section.key": value} or {"section": {"key": value}}.
        options: Keywords of OPTIONS, which win, and `config`, a file under the mapping as in `load`.

    Raises:
        UsageError: A keyword, a key or a value is not possible; the nearest name is suggested.
    """
    if isinstance(given, Settings) and not options:
        return given
    if given is not None and not isinstance(given, Settings | Mapping):
        remedy = 'give fervideo.Settings, {"section.key": value}, or config=FILE for a file'
        raise UsageError("settings", f"{given!r} is neither Settings nor a mapping", remedy)
    config = options.get("config")
    if config is not None and isinstance(given, Settings):
        raise UsageError(
            f"config={config!r}", "goes with a mapping, not with complete Settings", "leave one of them out"
        )
    kind = type(given) if isinstance(given, Settings) else Settings
    values = given.model_dump() if isinstance(given, Settings) else _read(config, kind)
    pairs = given if isinstance(given, Mapping) else {}
    changes = [*_pairs(pairs), *_keywords({name: value for name, value in options.items() if name != "config"})]
    return _changed(values, changes, kind, "settings")


def resolved(values: Mapping[str, Any], source: str, kind: type[Settings] = Settings) -> Settings:
    """Check a tree of values and fill in the defaults.

    Raises:
        UsageError: A key or a value is not possible.
    """
    settings = _validated(values, source, kind)
    _check_rules(settings, lambda *_: source)
    return settings


def shipped() -> dict[str, Path]:
    """Return the TOML files that come with fervideo, by name: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    folders = (package / "configs", package.parent / "configs")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def _read(config: Path | str | None, kind: type[Settings]) -> Tree:
    if config is None:
        return {}
    files = shipped()
    path = files.get(str(config), Path(config))
    names = f"a shipped one by its name: {', '.join(files)}"
    try:
        text = bounded.read(path, bounded.SETTINGS_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        reason = "not UTF-8, so no TOML" if isinstance(error, UnicodeDecodeError) else reason
        near = nearest(str(config), files)
        remedy = f"give a TOML file, or {names}"
        remedy = f"did you mean {near}? Or {remedy}" if near else remedy
        raise UsageError(config, f"cannot be read ({reason})", remedy) from error
    try:
        values = bounded.toml(text)
    except ValueError as error:
        raise UsageError(config, f"is not TOML ({error})", "see `fervideo settings --toml` for the form") from error
    _validated(values, str(config), kind)
    return values


def _assignment(change: tuple[str, str]) -> _Change:
    source, text = change
    name, equals, value = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise UsageError(source, "is not section.key=value", "write for example --set events.hold=0.3")
    return _Change(source, section, key, _value(value.strip()))


def _value(text: str) -> Any:
    """Read a value as TOML does; a bare word is a text, `none` unsets."""
    if text.lower() in ("none", "null", ""):
        return None
    try:
        return bounded.toml(f"value = {text}")["value"]
    except ValueError:
        return text


def _pairs(given: Mapping[str, Any]) -> Iterator[_Change]:
    """Yield the values of a mapping, nested or with dots."""
    for name, value in given.items():
        section, dot, key = str(name).partition(".")
        if dot:
            yield _Change(f"settings[{name!r}]", section, key, _plain(value))
        elif isinstance(value, Mapping):
            source = f"settings[{name!r}]"
            yield from (_Change(f"{source}[{key!r}]", section, str(key), _plain(item)) for key, item in value.items())
        else:
            known = Settings.model_fields
            near = OPTIONS.get(section) or (nearest(section, known) if section not in known else None)
            meant = f"did you mean {near}?" if near else f"known sections: {', '.join(known)}"
            raise UsageError(f"settings[{name!r}]", "is neither section.key nor a section with a mapping", meant)


def _keywords(options: Mapping[str, Any]) -> Iterator[_Change]:
    """Yield the values of keywords."""
    for name, value in options.items():
        source = f"{name}={value!r}"
        if name not in OPTIONS:
            raise UsageError(source, "is not an option", _meant(name))
        section, _, key = OPTIONS[name].partition(".")
        yield _Change(source, section, key, _plain(value))


def _meant(keyword: str) -> str:
    keys = {key: section for section, keys in _sections(Settings).items() for key in keys}
    if keyword in keys:
        return f'write settings={{"{keys[keyword]}.{keyword}": value}}'
    near = nearest(keyword, [*OPTIONS, *_KEYWORDS])
    return f"did you mean {near}?" if near else f"options: {', '.join(sorted([*OPTIONS, 'config']))}"


def _plain(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _changed(values: Tree, changes: Iterable[_Change], kind: type[S], source: str) -> S:
    """Apply changes, each checked by itself, so that a message names the one at fault; then check them together."""
    latest: dict[str, str] = {}
    for change in changes:
        values.setdefault(change.section, {})[change.key] = change.value
        _validated(values, change.source, kind)
        name = f"{change.section}.{change.key}"
        latest.pop(name, None)
        latest[name] = change.source
    settings = _validated(values, source, kind)
    _check_rules(settings, lambda *keys: next((latest[key] for key in reversed(latest) if key in keys), source))
    return settings


def _validated(values: Mapping[str, Any], source: str, kind: type[S]) -> S:
    """Check each value by itself.

    Raises:
        UsageError: A key or a value is not possible.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise UsageError(source, f"unknown setting {'.'.join(path)}", _suggestion(path, kind)) from None
        name, value = ".".join(path[:2]), first["input"]
        raise UsageError(source, f"{name} = {value!r:.80} is not possible", _possible(path, kind)) from None


def _check_rules(settings: Settings, source: Callable[..., str]) -> None:
    """Check values that depend on one another.

    Args:
        settings: With values that are possible, each by itself.
        source: Returns the source of keys, for the message.

    Raises:
        UsageError: They do not go together.
    """
    stay = settings.sequence.stay
    if stay != "auto" and stay != 0 and not 0.5 <= stay < 1:
        reason = f"sequence.stay = {stay}: a probability from 0.5 to below 1 is wanted, or 0"
        raise UsageError(source("sequence.stay"), reason, "give for example 0.99, or auto")
    hold, enter = settings.events.hold, settings.events.enter
    if hold > enter:
        reason = f"events.hold = {hold} is above events.enter = {enter}"
        raise UsageError(source("events.hold", "events.enter"), reason, "lower hold or raise enter")
    from_s, to_s = settings.video.from_s, settings.video.to_s
    if to_s is not None and to_s <= (from_s or 0):
        reason = f"video.to_s = {to_s:g} is not after video.from_s = {from_s or 0:g}"
        raise UsageError(source("video.to_s", "video.from_s"), reason, "give a later end, or an earlier start")
    if settings.sequence.overlap_s * 3 > settings.sequence.window_s:
        reason = "sequence.overlap_s is more than a third of sequence.window_s"
        keys = ("sequence.overlap_s", "sequence.window_s")
        raise UsageError(source(*keys), reason, "lower overlap_s or raise window_s")


def _sections(kind: type[Settings]) -> dict[str, list[str]]:
    return {name: list(field.default.__class__.model_fields) for name, field in kind.model_fields.items()}


def _suggestion(path: list[str], kind: type[Settings]) -> str:
    """Name the setting or section that was meant."""
    sections = _sections(kind)
    if len(path) == 1:
        if path[0] in TrainingSettings.model_fields:
            return "leave it out here: it is for `fervideo train` and `fervideo cross-validate`"
        near = nearest(path[0], sections, 0.4)
        return f"did you mean {near}?" if near else f"known sections: {', '.join(sections)}"
    # A key is misspelt in its own section, or right and in the wrong one.
    if near := nearest(path[1], sections[path[0]], 0.6):
        return f"did you mean {path[0]}.{near}?"
    elsewhere = {key: section for section, keys in sections.items() for key in keys}
    if near := nearest(path[1], elsewhere):
        return f"did you mean {elsewhere[near]}.{near}?"
    return f"known settings: {', '.join(sections[path[0]])}"


def _possible(path: list[str], kind: type[Settings]) -> str:
    """Return the values that a key may have, or the keys of a section."""
    keys = _sections(kind).get(path[0], [])
    if len(path) > 1 and path[1] in keys:
        section = kind.model_fields[path[0]].default.__class__
        return f"it is: {range_text(path[1], section.model_fields[path[1]])}"
    return f"write a section as [{path[0]}] with keys {', '.join(keys)}"
