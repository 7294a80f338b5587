"""The structure of Matroska and WebM files: FFmpeg skips a damaged cluster without a word, and its frames are missing.

A file is a list of elements, each with an identifier, a size and contents (RFC 8794). Frames are in clusters.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
#: Elements of a segment: clusters, seek head, info, tracks, cues, attachments, chapters, tags; void and checksum.
_IN_SEGMENT = {_CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF}
#: Elements of a cluster: timestamp, simple block, block group, previous size, position, silent tracks, encrypted block.
_IN_CLUSTER = {0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0x5854, 0xAF, 0xEC, 0xBF}


def is_whole(path: Path) -> bool:
    """Check whether the elements of a file follow one another up to its end.

    Raises:
        OSError: The file cannot be read.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < n_bytes:
            found = _element(file)
            if found is None:
                return False
            kind, size = found
            start = file.tell()
            if kind in (_SEGMENT, _CLUSTER):
                # Their contents are next. A live recording does not know their sizes, and a block may follow either.
                if size is not None and start + size > n_bytes:
                    return False
                continue
            if kind not in _IN_SEGMENT | _IN_CLUSTER | {_EBML} or size is None or start + size > n_bytes:
                return False
            file.seek(size, 1)
    return True


def _element(file: BinaryIO) -> tuple[int, int | None] | None:
    """Read the identifier and the size of the next element; the size is None if unknown, all is None if it is none."""
    numbers = []
    for longest in (4, 8):
        first = file.read(1)
        length = 9 - first[0].bit_length() if first and first[0] else 9
        rest = file.read(length - 1) if length <= longest else b""
        if not first or len(rest) < length - 1 or length > longest:
            return None
        numbers.append((int.from_bytes(first + rest, "big"), length))
    (kind, _), (value, length) = numbers
    size = value - (1 << 7 * length)
    return kind, None if size == (1 << 7 * length) - 1 else size
