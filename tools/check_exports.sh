#!/usr/bin/env bash
# Compares exports with events.csv through readers that other people wrote. Not part of the tests: it installs them.
#
#   tools/check_exports.sh RESULTS [VENV]
#
# RESULTS has timelines; all formats are written to a new folder. VENV (default: a temporary one) gets the readers:
# pympi, praatio, webvtt-py, openpyxl, pyarrow, and BORIS, which needs Debian's libmpv2 and libgl1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
results="$1"
out="$(mktemp -d)"
venv="${2:-$out/venv}"
if [ ! -x "$venv/bin/python" ]; then
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet pympi-ling praatio webvtt-py openpyxl pyarrow pandas boris-behav-obs
fi
export PYTHONPATH="$root"
for format in elan boris webvtt textgrid jsonl openface xlsx parquet; do
  "$python" -m fervideo export "$results" --to "$format" -o "$out" >/dev/null || echo "not written: $format"
done
QT_QPA_PLATFORM=offscreen "$venv/bin/python" - "$results" "$out" <<'PYTHON'
import importlib.util
import json
import sys
import types
from pathlib import Path

import openpyxl
import pandas as pd
import pympi
import webvtt
from praatio import textgrid

# BORIS's own start opens its window, which needs more of the system.
package = types.ModuleType("boris")
package.__path__ = list(importlib.util.find_spec("boris").submodule_search_locations)
sys.modules["boris"] = package
from boris import config, export_observation, project_functions

results, out = map(Path, sys.argv[1:])
for path in sorted(results.rglob("*.events.csv")):
    stem = path.relative_to(results).as_posix().removesuffix(".events.csv")
    names = ("timeline.csv", "run.json")
    beside = {name: path.with_name(path.name.replace("events.csv", name)) for name in names}
    events, run = pd.read_csv(path), json.loads(beside["run.json"].read_bytes())
    shift = run["video"].get("media_start_s", run["video"]["start_s"])
    kind = events["kind"] if "kind" in events else pd.Series("expression", events.index)
    label = events["expression"].fillna(kind)
    tier = "face " + events["face"].astype(str) + " " + kind
    # With --sample-fps the last event may end after the video; exports end it with the video.
    offset = events["offset_s"].clip(upper=run["video"]["duration_s"])
    exact = sorted(zip(tier, events["onset_s"] + shift, offset + shift, label))
    whole = [(name, round(1000 * start), round(1000 * end), text) for name, start, end, text in exact]

    eaf = pympi.Elan.Eaf(out / f"{stem}.eaf")
    read = sorted((name, *each[:3]) for name in eaf.get_tier_names() for each in eaf.get_annotation_data_for_tier(name))
    assert read == sorted(whole), (read, whole)
    linked = [media["MEDIA_URL"] for media in eaf.get_linked_files()]
    assert linked and linked[0] == f"file://{run['absolute_path']}", linked
    terms = {cve[0][0] for _, entries, _ in eaf.controlled_vocabularies.values() for cve in entries.values()}
    assert {text for *_, text in exact} <= {term[0] for term in terms}, terms

    grid = textgrid.openTextgrid(out / f"{stem}.TextGrid", includeEmptyIntervals=True)
    tiles = sorted((t.name, *entry) for t in grid.tiers for entry in t.entries if entry.label)
    assert [(a, c) for a, *_, c in tiles] == [(a, c) for a, *_, c in exact]
    worst = max([abs(x - y) for one, two in zip(tiles, exact) for x, y in zip(one[1:3], two[1:3])], default=0)
    assert worst < 2e-6, worst
    for each in grid.tiers:
        ends = [0.0, *(entry.end for entry in each.entries)]
        assert [entry.start for entry in each.entries] == ends[:-1] and ends[-1] == grid.maxTimestamp, each.name

    captions = webvtt.read(out / f"{stem}.vtt")
    millis = lambda at: ((at.hours * 60 + at.minutes) * 60 + at.seconds) * 1000 + at.milliseconds
    read = sorted((c.text.replace(": ", " expression: "), millis(c.start_time), millis(c.end_time)) for c in captions)
    assert read == sorted((f"{a}: {d}", b, c) for a, b, c, d in whole if a.endswith(" expression")), (read, whole)
    frames = pd.read_csv(beside["timeline.csv"])
    cues = webvtt.read(out / f"{stem}.metadata.vtt")
    faces = [(cue["frame"], face["face"]) for cue in (json.loads(c.raw_text) for c in cues) for face in cue["faces"]]
    seen = frames[frames["face"].notna()]
    assert faces == list(zip(seen["frame"], seen["face"]))

    book = openpyxl.load_workbook(out / f"{stem}.xlsx") if (out / f"{stem}.xlsx").exists() else None
    if book:
        header, *rows = book["events"].iter_rows(values_only=True)
        read = pd.DataFrame(rows, columns=header)
        pd.testing.assert_frame_equal(read, events, check_dtype=False, check_column_type=False)
    for name, table in (("timeline", frames), ("events", events)):
        assert len(pd.read_json(out / f"{stem}.{name}.jsonl", lines=True, dtype=False)) == len(table)

    file = out / f"{stem}.boris"
    _, _, project, message = project_functions.open_project_json(str(file))
    assert "error" not in project, project
    print(f"{stem}: {len(events)} events equal; BORIS: {message or 'no message'}", end="; ")
    print(project_functions.check_project_integrity(project, "s", str(file), True) or "project is sound")
    (observation,) = project["observations"]
    chosen = {
        "time": config.TIME_FULL_OBS,
        config.SELECTED_SUBJECTS: [each["name"] for each in project["subjects_conf"].values()],
        config.SELECTED_BEHAVIORS: [each["code"] for each in project["behaviors_conf"].values()],
    }
    table = out / f"{stem}.by-boris.tsv"
    facts = project["observations"][observation], project["behaviors_conf"], str(table), "tsv"
    done, problem = export_observation.export_tabular_events(project, chosen, observation, *facts)
    assert done, problem
    ours, theirs = (pd.read_csv(each, sep="\t") for each in (out / f"{stem}.boris.tsv", table))
    columns = ["Subject", "Behavior", "Behavior type", "Time"]
    by = lambda rows: sorted(map(tuple, rows[columns].to_numpy().tolist()))
    assert by(ours) == by(theirs)
joined = out / "all.boris"
if joined.exists():
    _, _, project, _ = project_functions.open_project_json(str(joined))
    print(f"{joined.name}: {len(project['observations'])} observations;", end=" ")
    print(project_functions.check_project_integrity(project, "s", str(joined), True) or "project is sound")
PYTHON
for name in frames events; do
  [ ! -d "$out/$name" ] || "$venv/bin/python" -c "
import pandas, sys
table = pandas.read_parquet(sys.argv[1])
print('Parquet:', len(table), 'rows of', table['clip'].nunique(), 'clips in one dataset')" "$out/$name"
done
echo "exports: $out"
