"""ELAN's .eaf: a tier for each face and kind of event, written as a file or added to one; the reader is for any file.

ELAN shows a medium at the time of an annotation plus the medium's TIME_ORIGIN. Its time slots are whole milliseconds,
and the annotations of a tier do not overlap. A slot may lack its time: ELAN spreads these evenly between neighbours.
"""

from __future__ import annotations

import logging
import mimetypes
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Container, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from fervideo import atomic, bounded
from fervideo.errors import UsageError, counted
from fervideo.outputs import tiers
from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import Tier, printable
from fervideo.timeline.record import Timeline

FILES = {"eaf": "*.eaf"}
_LOG = logging.getLogger("fervideo")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
#: The schema wants elements in this order.
_ORDER = (
    *("LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT"),
    *("CONTROLLED_VOCABULARY", "LEXICON_REF", "REF_LINK_SET", "EXTERNAL_REF"),
)
#: From this format on, vocabularies have a language.
_MULTILINGUAL = (2, 8)
_LANGUAGE = "und"


class Medium(NamedTuple):
    """A video or sound of a document.

    Attributes:
        url: Its URL, which ELAN does not escape.
        relative: Its path from the document's folder; may be empty.
        origin_s: Time of the medium at the document's time 0.
    """

    url: str
    relative: str
    origin_s: float

    @property
    def names(self) -> tuple[str, str]:
        """The file's name as it stands, and with the escapes of URLs resolved, since some programs write them."""
        name = (self.url or self.relative).replace("\\", "/").rpartition("/")[2]
        return name, unquote(name)


class Annotation(NamedTuple):
    """An annotation of a document.

    Attributes:
        id: Its ID.
        tier: Name of its tier.
        participant: The tier's participant; may be empty.
        start_s: Its start, on the document's clock.
        end_s: Its end.
        label: Its value.
    """

    id: str
    tier: str
    participant: str
    start_s: float
    end_s: float
    label: str


class Document(NamedTuple):
    """An .eaf file as read.

    Attributes:
        media: Its media, in its order.
        annotations: The annotations of all tiers, in its order.
    """

    media: tuple[Medium, ...]
    annotations: tuple[Annotation, ...]


def write(timeline: Timeline, files: Files) -> None:
    """Write the events of a timeline.

    Raises:
        OSError: The file cannot be written.
    """
    root = ET.Element("ANNOTATION_DOCUMENT", AUTHOR="fervideo", FORMAT="3.0", VERSION="3.0")
    root.set("DATE", datetime.now(UTC).isoformat(timespec="seconds"))
    root.set(f"{{{_XSI}}}noNamespaceSchemaLocation", "http://www.mpi.nl/tools/elan/EAFv3.0.xsd")
    header = _added(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    _added(root, "TIME_ORDER")
    _add_medium(header, timeline, files.parent)
    _extend(root, tiers.of_events(timeline), timeline.labels, 0)
    if not timeline.events.size:
        _add_type(root, tiers.EXPRESSION, timeline.labels)
    files.parts["eaf"].write_bytes(_content(root))


def extend(timeline: Timeline, path: Path) -> Path:
    """Add the events of a timeline to a document, which keeps everything that it has.

    Args:
        timeline: The timeline.
        path: The document. Its state before is kept beside it, with `.bak` added to the name.

    Returns:
        The path of the copy.

    Raises:
        UsageError: It is no document of ELAN, is of another video, or has tiers of these names.
        OutputError: It cannot be written.
    """
    # Read whole first: a document with faults is not changed.
    video, found = tiers.video_path(timeline), read(path).media
    root = _parsed(path)
    header = root.find("HEADER")
    if header is None:
        raise UsageError(path, "has no header, and so is no document of ELAN", "give an .eaf file")
    own = [medium for medium in found if video.name in medium.names]
    own = own or [medium for medium in found if video.stem in (Path(name).stem for name in medium.names)]
    if found and not own:
        names = ", ".join(medium.names[0] for medium in found)
        raise UsageError(path, f"is about {names}, not about {video.name}", "give the .eaf of this video")
    if not found:
        _add_medium(header, timeline, path.parent)
    new = tiers.of_events(timeline)
    there = {tier.get("TIER_ID") for tier in root.iter("TIER")}
    if taken := [tier.name for tier in new if tier.name in there]:
        reason = f"has tiers already that are called {', '.join(taken)}"
        raise UsageError(path, reason, "rename or delete them in ELAN, or export without --into")
    origin_ms = round(1000 * own[0].origin_s) if own else 0
    _extend(root, new, timeline.labels, origin_ms)
    copy = _free_name(path)
    with atomic.written(copy) as temporary:
        shutil.copyfile(path, temporary)
    with atomic.written(path) as temporary:
        temporary.write_bytes(_content(root))
    return copy


def _free_name(path: Path) -> Path:
    """Return the first path of `x.eaf.bak`, `x.eaf.bak2` and so on that is free."""
    copies = (path.with_name(f"{path.name}.bak{number if number > 1 else ''}") for number in range(1, 1000))
    return next(copy for copy in copies if not copy.exists())


def _extend(root: ET.Element, new: Sequence[Tier], labels: Sequence[str], origin_ms: int) -> None:
    """Add tiers, with their types, vocabularies and time slots."""
    order = root.find("TIME_ORDER")
    order = _added(root, "TIME_ORDER") if order is None else order
    last = root.find("HEADER/PROPERTY[@NAME='lastUsedAnnotationId']")
    if last is None and (header := root.find("HEADER")) is not None:
        last = ET.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId")
    used = [_number(found.get("ANNOTATION_ID")) for found in root.iter()]
    number = max([*used, 0 if last is None else _number(last.text)])
    slot = max([0, *(_number(found.get("TIME_SLOT_ID")) for found in order)])
    slots: list[tuple[int, str]] = []
    left_out = 0
    for tier in new:
        own_type = _add_type(root, tier.kind, labels if tier.kind == tiers.EXPRESSION else _labels(new, tier.kind))
        # No participant: face 0 of one video is not face 0 of another.
        element = _added(root, "TIER", TIER_ID=tier.name, ANNOTATOR="fervideo", LINGUISTIC_TYPE_REF=own_type)
        spans = list(tiers.milliseconds(tier.spans, origin_ms))
        left_out += len(tier.spans) - len(spans)
        for start, end, label in spans:
            number, slot = number + 1, slot + 2
            slots += [(start, f"ts{slot - 1}"), (end, f"ts{slot}")]
            own = {"ANNOTATION_ID": f"a{number}", "TIME_SLOT_REF1": f"ts{slot - 1}", "TIME_SLOT_REF2": f"ts{slot}"}
            aligned = ET.SubElement(ET.SubElement(element, "ANNOTATION"), "ALIGNABLE_ANNOTATION", own)
            ET.SubElement(aligned, "ANNOTATION_VALUE").text = printable(label)
    _add_slots(order, slots)
    if last is not None:
        last.text = str(number)
    if left_out:
        _LOG.warning("%s before the document's time 0 are left out", counted(left_out, "event"))


def _number(name: str | None) -> int:
    """Return the number at the end of an ID."""
    text = name or ""
    digits = text[len(text.rstrip("0123456789")) :]
    return int(digits or 0)


def _labels(new: Sequence[Tier], kind: str) -> list[str]:
    return sorted({span.label for tier in new if tier.kind == kind for span in tier.spans})


def _add_slots(order: ET.Element, new: Sequence[tuple[int, str]]) -> None:
    """Add time slots so that the document's slots stay in order; those without a time keep their neighbours."""
    left = sorted(new, key=lambda slot: slot[0])
    slots: list[ET.Element] = []
    for found in [*order, None]:
        time = None if found is None else found.get("TIME_VALUE")
        while left and (found is None or (time is not None and left[0][0] < int(time))):
            value, name = left.pop(0)
            slots.append(ET.Element("TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(value)))
        if found is not None:
            slots.append(found)
    order[:] = slots


def _added(root: ET.Element, tag: str, **attributes: str) -> ET.Element:
    """Add an element in the order that the schema wants."""
    element = ET.Element(tag, attributes)
    rank = {name: rank for rank, name in enumerate(_ORDER)}
    last = max([-1, *(at for at, child in enumerate(root) if rank.get(str(child.tag), 99) <= rank[tag])])
    root.insert(last + 1, element)
    return element


def _add_type(root: ET.Element, kind: str, labels: Sequence[str]) -> str:
    """Add the tier type of a kind and its vocabulary, or the labels that they lack; return the type's name."""
    name = f"fervideo {kind}"
    if root.find(f"LINGUISTIC_TYPE[@LINGUISTIC_TYPE_ID='{name}']") is None:
        facts = {"LINGUISTIC_TYPE_ID": name, "GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "true"}
        _added(root, "LINGUISTIC_TYPE", **facts, CONTROLLED_VOCABULARY_REF=name)
    vocabulary = root.find(f"CONTROLLED_VOCABULARY[@CV_ID='{name}']")
    parts = (root.get("FORMAT") or "0").split(".")
    has_language = tuple(int(part) for part in parts if part.isdigit()) >= _MULTILINGUAL
    if vocabulary is None:
        vocabulary = _added(root, "CONTROLLED_VOCABULARY", CV_ID=name)
        if has_language:
            if root.find(f"LANGUAGE[@LANG_ID='{_LANGUAGE}']") is None:
                url = "http://cdb.iso.org/lg/CDB-00130975-001"
                _added(root, "LANGUAGE", LANG_ID=_LANGUAGE, LANG_DEF=url, LANG_LABEL="undetermined (und)")
            ET.SubElement(vocabulary, "DESCRIPTION", LANG_REF=_LANGUAGE)
    known = {value.text for value in vocabulary.iter() if value.tag in ("CVE_VALUE", "CV_ENTRY")}
    for label in (printable(label) for label in labels):
        if label in known:
            continue
        if has_language:
            entry = ET.SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=f"cveid_{kind}_{len(vocabulary)}")
            ET.SubElement(entry, "CVE_VALUE", DESCRIPTION="", LANG_REF=_LANGUAGE).text = label
        else:
            ET.SubElement(vocabulary, "CV_ENTRY", DESCRIPTION="").text = label
    return name


def _add_medium(header: ET.Element, timeline: Timeline, folder: Path) -> None:
    """Add the video; a folder of images is none that ELAN can play."""
    path = tiers.video_path(timeline)
    if timeline.info.codec == "images":
        return
    facts = {"MEDIA_URL": printable(f"file:///{path.as_posix().removeprefix('/')}")}
    facts["MIME_TYPE"] = mimetypes.guess_type(path.name)[0] or "unknown"
    if relative := tiers.relative_path(path, folder):
        facts["RELATIVE_MEDIA_URL"] = printable(f"./{relative}".replace("./../", "../"))
    header.insert(0, ET.Element("MEDIA_DESCRIPTOR", facts))


def _content(root: ET.Element) -> bytes:
    ET.register_namespace("xsi", _XSI)
    ET.indent(root, "    ")
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content + b"\n"


def _parsed(path: Path) -> ET.Element:
    """Parse a document, its comments kept.

    Raises:
        UsageError: It cannot be read, or is no document of ELAN.
    """
    try:
        builder = ET.TreeBuilder(insert_comments=True)
        root: ET.Element = ET.fromstring(bounded.read(path, bounded.TABLE_BYTES), ET.XMLParser(target=builder))
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", "check the path") from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise UsageError(path, f"is no document of ELAN ({error})", "give an .eaf file") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise UsageError(path, f"is no document of ELAN (its root is {root.tag})", "give an .eaf file")
    return root


def read(path: Path) -> Document:
    """Read the media and annotations of a document; annotations without times have those of their parents.

    Raises:
        UsageError: It cannot be read, or is no document of ELAN.
    """
    root = _parsed(path)
    units = root.find("HEADER[@TIME_UNITS]")
    if units is not None and units.get("TIME_UNITS") != "milliseconds":
        raise UsageError(path, f"counts time in {units.get('TIME_UNITS')}", "save it in a newer ELAN")
    try:
        return Document(_media(root), tuple(_annotations(root)))
    except (KeyError, ValueError) as error:
        raise UsageError(path, f"is damaged ({error!r})", "save it again in ELAN") from None


def _media(root: ET.Element) -> tuple[Medium, ...]:
    return tuple(
        Medium(
            found.get("MEDIA_URL", ""), found.get("RELATIVE_MEDIA_URL", ""), int(found.get("TIME_ORIGIN") or 0) / 1000
        )
        for found in root.iter("MEDIA_DESCRIPTOR")
    )


def _annotations(root: ET.Element) -> Iterator[Annotation]:
    """Yield all annotations, those of a tier after those of its parent."""
    times = {slot.attrib["TIME_SLOT_ID"]: slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    known_s = {name: int(value) / 1000 for name, value in times.items() if value is not None}
    spans: dict[str, tuple[float, float]] = {}
    left = list(root.iter("TIER"))
    while left:
        names = {tier.get("TIER_ID") for tier in left}
        ready = [tier for tier in left if tier.get("PARENT_REF") not in names] or left
        for tier in ready:
            _spread(tier, times, known_s)
            spans |= _spans(tier, known_s, spans)
            facts = tier.attrib["TIER_ID"], tier.get("PARTICIPANT", "")
            for found in tier.findall("ANNOTATION/*"):
                name = found.attrib["ANNOTATION_ID"]
                yield Annotation(name, *facts, *spans[name], found.findtext("ANNOTATION_VALUE") or "")
        left = [tier for tier in left if tier not in ready]


def _spread(tier: ET.Element, slots: Container[str], known_s: dict[str, float]) -> None:
    """Give times to the slots of a tier that lack them: evenly from one known time to the next along the tier."""
    chain: list[str] = []
    for found in tier.iter("ALIGNABLE_ANNOTATION"):
        for name in (found.attrib["TIME_SLOT_REF1"], found.attrib["TIME_SLOT_REF2"]):
            if name not in slots:
                raise KeyError(name)
            if name in known_s and chain:
                first_s, n = known_s[chain[0]], len(chain)
                known_s |= {slot: first_s + (known_s[name] - first_s) * at / n for at, slot in enumerate(chain)}
                chain = []
            if not chain or chain[-1] != name:
                chain.append(name)


def _spans(
    tier: ET.Element, known_s: dict[str, float], parents: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Return start and end of each annotation of a tier; several of one parent share its time evenly."""
    spans = {}
    for found in tier.iter("ALIGNABLE_ANNOTATION"):
        facts = found.attrib
        spans[facts["ANNOTATION_ID"]] = known_s[facts["TIME_SLOT_REF1"]], known_s[facts["TIME_SLOT_REF2"]]
    children: dict[str, list[str]] = {}
    for found in tier.iter("REF_ANNOTATION"):
        children.setdefault(found.attrib["ANNOTATION_REF"], []).append(found.attrib["ANNOTATION_ID"])
    for parent, names in children.items():
        start_s, end_s = parents[parent]
        step_s = (end_s - start_s) / len(names)
        spans |= {name: (start_s + at * step_s, start_s + (at + 1) * step_s) for at, name in enumerate(names)}
    return spans
