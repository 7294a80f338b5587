"""Lost pieces of MPEG transport streams, which FFmpeg passes over: later frames are built on frames that are missing.

A stream is a list of packets of 188 bytes, in some files with a stamp before or a checksum behind. Each contains a
piece of one elementary stream, and a counter of the pieces of that stream modulo 16 (ISO/IEC 13818-1).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fervideo.records import Int64, UInt8

_SYNC = 0x47
#: Sizes of a packet, with the bytes before its sync byte: plain, with a stamp (M2TS), with a checksum.
_LAYOUTS = ((188, 0), (192, 4), (204, 0))
#: Packets read at once.
_CHUNK = 1 << 16


def losses(path: Path, stream_id: int) -> Int64:
    """Find where pieces of a stream are missing.

    Args:
        path: The file.
        stream_id: Identifier of the elementary stream.

    Returns:
        int64 (n,), rising, the first byte of the packet after each loss.

    Raises:
        OSError: The file cannot be read.
    """
    found: list[int] = []
    counter = np.empty(0, np.int64)
    at = 0
    with path.open("rb") as file:
        while True:
            file.seek(at)
            data = np.frombuffer(file.read(204 * _CHUNK), np.uint8)
            start, size, sync = _aligned(data)
            packets = data[start : start + (len(data) - start) // size * size].reshape(-1, size)[:, sync:]
            # After bytes that were inserted, or are missing, packets begin elsewhere.
            n = _in_step(packets)
            if not n:
                return np.array(found, np.int64)
            counts, rows = _counts(packets[:n], stream_id)
            steps = np.diff(counts, prepend=counter) % 16
            found += (at + start + size * rows[len(rows) - len(steps) :][steps > 1]).tolist()
            counter = np.append(counter, counts)[-1:]
            at += start + n * size


def _aligned(data: UInt8) -> tuple[int, int, int]:
    """Return where packets begin, their size, and the offset of their sync byte, as most sync bytes have it."""
    head = data[: 204 * 16]
    best = (-1, 0, 188, 0)
    for size, sync in _LAYOUTS:
        for start in range(min(size, len(head))):
            hits = head[start + sync :: size] == _SYNC
            # Unbroken from the first packet on, so that none is passed over.
            run = int(np.argmin(np.append(hits, False)))
            best = max(best, (run, -start, size, sync))
    return -best[1], best[2], best[3]


def _in_step(packets: UInt8) -> int:
    """Return how many packets there are before the alignment is lost; a few without a sync byte are just damaged."""
    wrong = np.cumsum(np.append(0, packets[:, 0] != _SYNC))
    lost = np.flatnonzero(wrong[16:] - wrong[:-16] == 16)
    return int(lost[0]) if len(lost) else len(packets)


def _counts(packets: UInt8, stream_id: int) -> tuple[Int64, Int64]:
    """Return the counters of a stream's packets that have contents, and which packets these are."""
    identifier = (packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2]
    rows = np.flatnonzero((packets[:, 0] == _SYNC) & (identifier == stream_id) & (packets[:, 3] & 0x10 > 0))
    return packets[rows, 3].astype(np.int64) & 0xF, rows.astype(np.int64)
