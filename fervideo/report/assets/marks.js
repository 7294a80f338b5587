// Labels that the reader gives: kept in the browser, saved as a CSV that `fervideo agree` and `fervideo train` read.

const HEADER = ["clip", "start_s", "end_s", "label", "face", "fervideo"];

const marks = {
  all: [],
  past: [],
  key: "labels." + clip.fingerprint.slice(0, 24),

  start() {
    try {
      const kept = JSON.parse(store.get(this.key) || "[]");
      this.all = kept.filter(({ start, end, label }) => end > start && clip.labels.includes(label));
    } catch (error) {
      this.all = [];
    }
  },

  of(face) {
    return this.all.filter((mark) => mark.face === face.number);
  },

  change(all) {
    this.past.push(this.all);
    this.all = all.sort((a, b) => a.face - b.face || a.start - b.start);
    this.keep();
  },

  keep() {
    store.set(this.key, JSON.stringify(this.all));
    state.changed("marks");
  },

  undo() {
    if (!this.past.length) return;
    this.all = this.past.pop();
    this.keep();
    toast("Undone");
  },

  /** The labels that are left if a stretch of a face is cut out of them. */
  without(face, start, end) {
    return this.all.flatMap((mark) => {
      if (mark.face !== face || mark.end <= start || mark.start >= end) return [mark];
      const left = { ...mark, end: start };
      const right = { ...mark, start: end };
      return [left, right].filter((part) => part.end - part.start > 1e-6);
    });
  },

  /** The stretch that a label would get now: the selection, the event at the playhead, or the time between events. */
  target() {
    if (selection.isThere) return { start: selection.start, end: selection.end, label: predicted(selection.start, selection.end) };
    const time = player.time;
    const events = state.face.expressions;
    const event = events.find(({ start, end }) => start <= time && time < end);
    if (event) return { start: event.start, end: event.end, label: event.label };
    const [first, last] = state.face.runs.find(([a, b]) => state.face.time[a] <= time && time < state.face.end[b - 1]) || [];
    if (first === undefined) return null;
    const start = Math.max(state.face.time[first], ...events.filter(({ end }) => end <= time).map(({ end }) => end));
    const end = Math.min(state.face.end[last - 1], ...events.filter((each) => each.start > time).map((each) => each.start));
    return { start, end, label: predicted(start, end) };
  },

  give(label) {
    const target = this.target();
    if (!target) return toast("The face is not there: no label");
    const { start, end } = target;
    const mark = { face: state.face.number, start, end, label, predicted: target.label };
    this.change([...this.without(state.face.number, start, end), mark]);
    const change = label === target.label ? "confirmed" : `instead of ${target.label}`;
    return toast(`${clock(start)} to ${clock(end)}: ${label} (${change})`);
  },

  /** Remove the label at the playhead, or those in the selection. */
  remove() {
    const { start, end } = selection.isThere ? selection : { start: player.time, end: player.time };
    const isHit = (mark) => mark.face === state.face.number && mark.start <= end && mark.end > start;
    const left = this.all.filter((mark) => !isHit(mark));
    if (left.length === this.all.length) return toast("No label here");
    this.change(left);
    return toast("Label removed");
  },

  /** Text of the file: times are the player's, as in other programs for labelling. */
  csv() {
    const seconds = (time) => String(Math.round(time * 1e6) / 1e6);
    const cell = (text) => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
    const rows = this.all.map((mark) => [clip.clip, seconds(mark.start), seconds(mark.end), mark.label, String(mark.face), mark.predicted]);
    return [HEADER, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
  },

  save() {
    if (!this.all.length) return toast("No labels yet");
    const address = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
    const stem = clip.name.replace(/\.[^.]*$/, "") || clip.name;
    const link = make("a", { href: address, download: stem + ".labels.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    return toast(`Saved as ${link.download}`);
  },

  /** Add the labels of a file that `csv` wrote. */
  load(text) {
    const [header, ...rows] = cellsOf(text);
    const at = Object.fromEntries((header || []).map((name, column) => [name.trim(), column]));
    if (["start_s", "end_s", "label"].some((name) => !(name in at))) return toast("This is no CSV with start_s, end_s and label");
    const found = rows
      .filter((row) => row.length > 1)
      .map((row) => ({
        face: Number(row[at.face] || 0),
        start: Number(row[at.start_s]),
        end: Number(row[at.end_s]),
        label: row[at.label],
        predicted: row[at.fervideo] || "",
        clip: row[at.clip] || "",
      }))
      .filter(({ clip: name }) => name.split(/[\\/]/).pop().replace(/\.[^.]*$/, "") === clip.name.replace(/\.[^.]*$/, ""))
      .filter(({ start, end, label }) => end > start && clip.labels.includes(label));
    if (!found.length) return toast("The file has no labels of this clip");
    let all = this.all;
    for (const { clip: _, ...mark } of found) {
      this.all = this.without(mark.face, mark.start, mark.end).concat(mark);
    }
    [this.all, all] = [all, this.all];
    this.change(all);
    return toast(`${found.length} labels loaded`);
  },
};

/** The label that the results give for most of a stretch. */
function predicted(start, end) {
  const { face } = state;
  const held = {};
  const last = lastAtOrBefore(face.time, end);
  for (let row = Math.max(lastAtOrBefore(face.time, start), 0); row <= last; row += 1) {
    const seconds = Math.min(face.end[row], end) - Math.max(face.time[row], start);
    let best = 0;
    clip.labels.forEach((label, at) => {
      if (face.get("p_" + label)[row] > face.get("p_" + clip.labels[best])[row]) best = at;
    });
    if (seconds > 0) held[clip.labels[best]] = (held[clip.labels[best]] || 0) + seconds;
  }
  return Object.keys(held).sort((a, b) => held[b] - held[a])[0] || "";
}

/** Cells of a CSV. */
function cellsOf(text) {
  const rows = [[]];
  const pattern = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g;
  for (const [, cell, end] of text.replace(/^\ufeff/, "").matchAll(pattern)) {
    rows[rows.length - 1].push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  return rows;
}

let toastTimer = 0;
/** Show a line for a moment, which screen readers read aloud. */
function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("on");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("toast").classList.remove("on"), 3500);
}
