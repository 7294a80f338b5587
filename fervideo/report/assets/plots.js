// The charts: lines or stacked areas by Plotly, thinned out to the pixels that there are; zooming shows every frame.

/** Colours of lines that are no expressions, told apart by people with any colour blindness (Okabe and Ito, 2008). */
const LINES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#c9b800"];
const panels = [];
/** Ranges of charts by the unit of their columns; others follow the values. */
const RANGES = { "0 to 1": [-0.02, 1.02], "-1 to 1": [-1.05, 1.05] };

class Panel {
  constructor(key, title, { series, chips, height = 190, range = null, on = true }) {
    Object.assign(this, { key, series, chips, range, on, hidden: new Set() });
    this.plot = make("div", { class: "plot", role: "img", style: { height: height + "px" } });
    this.legend = make("div", { class: "legend", role: "group", "aria-label": `Lines of the chart “${title}”` });
    this.title = title;
    this.head = make("div", { class: "head" }, make("h2", {}, title), this.legend);
    this.root = make("section", { class: "panel", "data-key": key, "aria-label": title }, this.head, this.plot);
  }

  show(on) {
    this.on = on;
    this.root.hidden = !on;
    if (on) this.draw();
  }

  /** Lines to draw: { name, title, colour, meaning }. */
  get lines() {
    return this.series().filter((line) => !this.hidden.has(line.name));
  }

  drawLegend() {
    this.legend.replaceChildren(
      ...this.series().map((line) => {
        const isOn = !this.hidden.has(line.name);
        const flip = () => {
          if (isOn) this.hidden.add(line.name);
          else this.hidden.delete(line.name);
          this.draw();
          this.legend.querySelector(`[data-name="${CSS.escape(line.name)}"]`).focus({ preventScroll: true });
        };
        const dot = make("i", { style: { background: line.colour } });
        const about = { class: "chip", "aria-pressed": String(isOn), title: line.meaning, "data-name": line.name };
        return make("button", { ...about, onclick: flip }, dot, line.title);
      }),
      ...(this.chips ? this.chips(this) : []),
    );
  }

  draw() {
    if (!this.on || !state.face) return;
    this.drawLegend();
    this.plotAll();
    this.plot.setAttribute("aria-label", `${this.title} of ${state.face.name}: ${this.lines.map((line) => line.title).join(", ")}`);
  }

  plotAll() {
    if (!this.on || !state.face || !window.Plotly) return;
    const { lines } = this;
    const traces = mode.stacked && this.key === "probabilities" ? stackedTraces(lines) : lines.map(lineTrace);
    Plotly.react(this.plot, traces, this.layout(), { staticPlot: true, responsive: false });
  }

  layout() {
    const stacked = mode.stacked && this.key === "probabilities";
    return layoutOf({
      yaxis: {
        range: stacked ? [0, 1] : this.range || rangeOf(this.lines),
        nticks: 5,
        tickformat: this.key === "probabilities" ? ".0%" : "",
        gridcolor: styled("grid"),
        zeroline: !this.range,
        zerolinecolor: styled("axis"),
        ticklabelstandoff: 5,
        fixedrange: true,
      },
      shapes: shades(),
    });
  }

  /** Values at a time, for people. */
  describe(time) {
    const row = state.face.rowAt(time);
    if (row < 0) return [{ text: "the face is not there", faint: true }];
    const lines = this.lines.map((line) => ({ ...line, number: state.face.get(line.name)[row] }));
    if (this.key === "probabilities") lines.sort((a, b) => b.number - a.number);
    const found = lines.map(({ colour, title, number, name }) => ({ colour, text: title, value: written(name, number) }));
    return [...found, ...condition(row)];
  }
}

/** A value with the decimals of its column. */
function written(name, value) {
  if (Number.isNaN(value)) return "–";
  const about = clip.columns[name];
  if (name.startsWith("p_") || name.startsWith("raw_")) return (100 * value).toFixed(1) + " %";
  if (about.unit === "degrees") return value.toFixed(1) + "°";
  return value.toFixed(Math.min(about.decimals ?? 2, 2));
}

/** Lines of a hover on how far a row can be trusted. */
function condition(row) {
  const found = [];
  const quality = state.face.get("quality")[row];
  if (state.face.status[row] === 1) found.push({ text: "bridged: the face is lost here", faint: true });
  if (state.face.status[row] === 2) found.push({ text: "mouth or eyes outside the picture", faint: true });
  if (quality < clip.lowQuality) found.push({ text: "low quality", value: quality.toFixed(2), faint: true });
  return found;
}

function layoutOf(parts) {
  return {
    margin: { l: view.left, r: view.right, t: 4, b: 4 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 11, color: styled("muted") },
    showlegend: false,
    xaxis: {
      range: [view.start, view.end],
      tickvals: ticks(view.start, view.end, view.width, view.width < 500 ? 70 : 90).map(({ time }) => time),
      showticklabels: false,
      gridcolor: styled("grid"),
      zeroline: false,
      fixedrange: true,
    },
    ...parts,
  };
}

/** Shades over stretches of low quality, bridged ones, and behind those without the face. */
function shades() {
  const { face } = state;
  face.doubtful ??= face.stretches((row) => face.status[row] !== 0 || face.get("quality")[row] < clip.lowQuality);
  face.missing ??= face.absent;
  const inView = ({ start, end }) => end > view.start && start < view.end;
  const shape = ({ start, end }, fillcolor, layer) => ({
    type: "rect",
    xref: "x",
    yref: "paper",
    x0: Math.max(start, view.start),
    x1: Math.min(end, view.end),
    y0: 0,
    y1: 1,
    line: { width: 0 },
    fillcolor,
    layer,
  });
  return [
    ...face.missing.filter(inView).map((each) => shape(each, styled("absent"), "below")),
    ...clip.damage.filter(inView).map((each) => shape(each, styled("damaged"), "below")),
    ...face.doubtful.filter(inView).map((each) => shape(each, styled("doubt"), "above")),
  ];
}

/** Range of the values of lines over the whole clip, so that it stays while zooming. */
function rangeOf(lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const { name } of lines) {
    for (const value of state.face.get(name)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return [0, 1];
  const margin = Math.max((high - low) * 0.06, 0.02);
  return [low - margin, high + margin];
}

/** Rows of each run that lie in view, with one more on both sides. */
function runsInView() {
  const { time, runs } = state.face;
  const from = lastAtOrBefore(time, view.start);
  const to = lastAtOrBefore(time, view.end) + 2;
  return runs.map(([first, last]) => [Math.max(first, from), Math.min(last, to)]).filter(([first, last]) => last > first);
}

/** A line of all frames in view; where pixels hold several, the lowest and highest of each. */
function lineTrace({ name, title, colour, dash = "solid" }) {
  const column = state.face.get(name);
  const { time, end } = state.face;
  const [x, y] = [[], []];
  const span = (view.end - view.start) / Math.max(view.width, 1);
  for (const [first, last] of runsInView()) {
    const perPixel = ((last - first) * span) / Math.max(time[last - 1] - time[first], 1e-9);
    const step = perPixel > 3 ? Math.ceil(perPixel) : 1;
    for (let row = first; row < last; row += step) {
      const [least, most] = step === 1 ? [row, row] : extremes(column, row, Math.min(row + step, last));
      for (const at of least === most ? [least] : [Math.min(least, most), Math.max(least, most)]) {
        x.push(time[at]);
        y.push(Number.isNaN(column[at]) ? null : column[at]);
      }
    }
    // The last frame of a run lasts until it ends.
    x.push(end[last - 1], end[last - 1]);
    y.push(Number.isNaN(column[last - 1]) ? null : column[last - 1], null);
  }
  return { type: "scatter", mode: "lines", x, y, name: title, line: { color: colour, width: 1.7, dash }, hoverinfo: "skip" };
}

function extremes(column, first, last) {
  let [least, most] = [first, first];
  for (let row = first; row < last; row += 1) {
    if (!(column[row] >= column[least])) least = row;
    if (!(column[row] <= column[most])) most = row;
  }
  return [least, most];
}

/** Areas on one another; where pixels hold several frames, their means, which still sum to 1. */
function stackedTraces(lines) {
  const { time, end } = state.face;
  const span = (view.end - view.start) / Math.max(view.width, 1);
  const x = [];
  const groups = [];
  for (const [first, last] of runsInView()) {
    const perPixel = ((last - first) * span) / Math.max(time[last - 1] - time[first], 1e-9);
    const step = perPixel > 1.5 ? Math.ceil(perPixel) : 1;
    // Zeros at both ends of a run keep areas from bridging gaps.
    x.push(time[first]);
    groups.push(null);
    for (let row = first; row < last; row += step) {
      x.push(time[row]);
      groups.push([row, Math.min(row + step, last)]);
    }
    x.push(end[last - 1], end[last - 1]);
    groups.push([last - 1, last], null);
  }
  for (let at = 1; at < x.length; at += 1) if (x[at] <= x[at - 1]) x[at] = x[at - 1] + 1e-7;
  return lines.map(({ name, title, colour }) => {
    const column = state.face.get(name);
    const mean = ([first, last]) => {
      let sum = 0;
      for (let row = first; row < last; row += 1) sum += column[row] || 0;
      return sum / (last - first);
    };
    const y = groups.map((group) => (group ? mean(group) : 0));
    const look = { line: { width: 0 }, fillcolor: colour, hoverinfo: "skip" };
    return { type: "scatter", mode: "lines", stackgroup: "one", x, y, name: title, ...look };
  });
}

const aboutColumn = (name, at) => ({
  name,
  title: clip.columns[name].title,
  meaning: `${name}: ${clip.columns[name].meaning}${clip.columns[name].unit ? ` (${clip.columns[name].unit})` : ""}`,
  colour: LINES[at % LINES.length],
});

function probabilityLines() {
  return mode.labels.map((label) => ({
    name: `${mode.source}_${label}`,
    title: label,
    colour: clip.colours[label],
    meaning: clip.columns[`${mode.source}_${label}`].meaning,
  }));
}

/** The movements of a face, those that vary most first; the turns of the eyes come last, since the gaze has a chart. */
function movementsOf(face, names) {
  face.moving ??= names
    .map((name) => {
      const sorted = face.get(name).filter((value) => !Number.isNaN(value)).sort();
      const at = (share) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
      return { name, spread: at(0.98) - at(0.02) - (name.includes("eye_look") ? 1 : 0) };
    })
    .sort((a, b) => b.spread - a.spread)
    .map(({ name }) => name);
  return face.moving;
}

function makePanels() {
  panels.push(makeBand());
  panels.push(new Panel("probabilities", "Expressions", { series: probabilityLines, height: 240, range: [-0.02, 1.02] }));
  for (const { key, title, columns } of clip.charts) {
    const there = columns.filter((name) => clip.columns[name] && clip.faces.some((face) => face.entries[name]));
    if (!there.length) continue;
    if (key === "movements") {
      panels.push(makeMovements(title, there));
      continue;
    }
    const series = () => there.map(aboutColumn);
    const range = RANGES[clip.columns[there[0]].unit] || null;
    panels.push(new Panel(key, title, { series, range, height: 150, on: false }));
  }
  $("panels").replaceChildren(...panels.map((panel) => panel.root));
  panels.forEach((panel) => (panel.root.hidden = !panel.on));
}

function makeMovements(title, names) {
  const chosen = new Map();
  const own = () => {
    if (!chosen.has(state.face)) chosen.set(state.face, movementsOf(state.face, names).slice(0, 6));
    return chosen.get(state.face);
  };
  const choose = (panel) => {
    const left = movementsOf(state.face, names).filter((name) => !own().includes(name));
    const options = left.map((name) => make("option", { value: name }, `${clip.columns[name].title} (${clip.columns[name].unit})`));
    const add = make("select", { class: "add", "aria-label": "Add a movement" }, make("option", { value: "" }, "Add …"), ...options);
    add.addEventListener("change", () => {
      own().push(add.value);
      panel.draw();
    });
    return [add];
  };
  return new Panel("movements", title, { series: () => own().map(aboutColumn), chips: choose, range: RANGES["0 to 1"], height: 190, on: false });
}
