// The clip: its content from JSON, its numbers unpacked, and each face with its rows.

const clip = JSON.parse($("content").textContent);

async function unpacked(id) {
  const node = $(id);
  const text = atob(node.textContent);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  node.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Return an array of the page; missing values are NaN. */
function values(buffer, entry) {
  const { at, n, type, scale } = entry;
  if (type === "float32") return new Float32Array(buffer, at, n);
  if (type === "uint32") {
    const found = new Uint32Array(buffer, at, n).slice();
    for (let i = 1; i < n; i += 1) found[i] += found[i - 1];
    return found;
  }
  const steps = new Int16Array(buffer, at, n);
  const found = new Float32Array(n);
  for (let i = 0, value = 0; i < n; i += 1) {
    value = ((value + steps[i]) << 16) >> 16;
    found[i] = value === -32768 ? NaN : value / scale;
  }
  return found;
}

/** One face: `time` and `end` of its rows on the player's clock, `status`, and columns by name. */
class Face {
  constructor(facts, buffer, times, lasts) {
    Object.assign(this, { ...facts, buffer, columns: {} });
    this.entries = facts.values;
    this.frame = values(buffer, facts.frames);
    this.status = values(buffer, facts.status);
    this.time = Float64Array.from(this.frame, (frame) => times[frame]);
    this.end = Float64Array.from(this.frame, (frame) => lasts[frame]);
    this.runs = this.findRuns();
    this.events = clip.events.filter((event) => event.face === this.number);
    this.expressions = this.events.filter((event) => event.kind === "expression");
  }

  get(name) {
    if (!this.columns[name]) {
      const entry = this.entries[name];
      this.columns[name] = entry ? values(this.buffer, entry) : new Float32Array(this.time.length).fill(NaN);
    }
    return this.columns[name];
  }

  /** Stretches of rows without a frame between that lacks the face: [first row, row after the last]. */
  findRuns() {
    const runs = [];
    for (let row = 0; row < this.frame.length; row += 1) {
      if (row && this.frame[row] === this.frame[row - 1] + 1) runs[runs.length - 1][1] = row + 1;
      else runs.push([row, row + 1]);
    }
    return runs;
  }

  /** The row that a time falls into; -1 where the face is not there. */
  rowAt(time) {
    const row = lastAtOrBefore(this.time, time);
    return row >= 0 && time < this.end[row] ? row : -1;
  }

  /** Stretches of time in which `test(row)` holds, within runs. */
  stretches(test) {
    const found = [];
    for (const [first, last] of this.runs) {
      for (let row = first; row < last; row += 1) {
        if (!test(row)) continue;
        const before = found[found.length - 1];
        if (before && row > first && before.row === row - 1) Object.assign(before, { row, end: this.end[row] });
        else found.push({ row, start: this.time[row], end: this.end[row] });
      }
    }
    return found;
  }

  /** Stretches of the clip in which the face is not there. */
  get absent() {
    const found = [];
    let from = clip.start;
    for (const [first, last] of this.runs) {
      if (this.time[first] > from + 1e-6) found.push({ start: from, end: this.time[first] });
      from = this.end[last - 1];
    }
    if (clip.end > from + 1e-6) found.push({ start: from, end: clip.end });
    return found;
  }
}

/** Unpack the numbers; fills `clip.times` and `clip.faces`. */
async function openClip() {
  const buffer = await unpacked("numbers");
  clip.times = Float64Array.from(values(buffer, clip.times), (time) => time / 1e6);
  const lasts = Float64Array.from(clip.times, (_, at) => (at + 1 < clip.times.length ? clip.times[at + 1] : clip.end));
  clip.lasts = lasts;
  clip.faces = clip.faces.map((facts) => new Face(facts, buffer, clip.times, lasts));
  clip.damage = clip.damaged.map((frame) => ({ start: clip.times[frame], end: lasts[frame] }));
}

/** The index of the frame that is shown at a time. */
const frameAt = (time) => clamp(lastAtOrBefore(clip.times, time + 1e-6), 0, clip.times.length - 1);
/** A time inside a frame, away from its ends, so that rounding does not lead to a neighbour. */
const insideFrame = (frame) => clip.times[frame] + Math.min((clip.lasts[frame] - clip.times[frame]) / 2, 0.02);
