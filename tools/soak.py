"""Long checks, one part each: disturb fervideo on purpose, count the outcomes, and print every fault.

    python tools/soak.py [PART...] [--n 50] [--seed 1]

| part | a case is |
|---|---|
| kills | a batch whose worker, parent, or both are killed by SIGKILL or SIGSEGV at a drawn moment |
| interrupts | a batch that gets Ctrl-C once or twice at a drawn moment |
| disks | a batch whose files may grow to a drawn size; as root also one on small disks |
| caches | a batch whose cache has one damaged file; one that is removed, read-only, or shared |
| network | a batch without a network; connections that it tries are counted |
| same | a batch with other workers, locale, clock or parent: the same bytes |
| cut | a clip that is cut in two without loss: the same labels 2 s from the cut |
| looped | a minute of a repeated clip; the table lists memory, files and processes |
| many | a short clip of one batch; the same table |

Exit code 1: there were faults, each printed with the seed that repeats it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import soak_faults
import soak_long
import soak_same
from soak_runs import Tally, make_clips

#: Each part by name: its function, and the number of cases in its full length.
PARTS: dict[str, tuple[Callable[[Path, int, int], Tally], int]] = {
    "kills": (soak_faults.kills, 50),
    "interrupts": (soak_faults.interrupts, 50),
    "disks": (soak_faults.full_disks, 20),
    "caches": (soak_faults.caches, 100),
    "network": (soak_faults.network, 1),
    "same": (soak_same.same, 10),
    "cut": (soak_same.cut, 10),
    "looped": (soak_long.looped, 240),
    "many": (soak_long.many, 2000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", default=[*PARTS], help=f"of {', '.join(PARTS)}")
    parser.add_argument("--n", type=int, help="number of cases of each part (default: its full length)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        clips = make_clips(Path(scratch, "clips"))
        for name in args.parts:
            function, full = PARTS[name]
            began = time.monotonic()
            tally = function(clips, args.n or full, args.seed)
            faults += len(tally.faults)
            print(f"{name} (seed {args.seed}, {(time.monotonic() - began) / 60:.1f} min): {tally}", flush=True)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
