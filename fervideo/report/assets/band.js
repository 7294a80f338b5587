// The band of events: one lane for expressions, one for each kind of moment, one for the reader's labels.

const KINDS = {
  expression: { title: "expression", height: 1 },
  smile: { title: "smile", colour: "#e69f00", height: 0.55 },
  blink: { title: "blink", colour: "#56b4e9", height: 0.55 },
  eyes_closed: { title: "eyes closed", colour: "#0072b2", height: 0.55 },
  looking_away: { title: "looking away", colour: "#cc79a7", height: 0.55 },
};
const kindOf = (kind) => KINDS[kind] || { title: kind.replaceAll("_", " "), colour: "#8c8c8c", height: 0.55 };

function makeBand() {
  const band = new Panel("band", "Events", { series: () => [], height: 100 });
  band.draw = () => band.plotAll();
  band.plotAll = () => drawBand(band);
  band.describe = describeBand;
  band.legend.remove();
  return band;
}

/** Lanes from top to bottom: { key, title, height, spans: [{ start, end, label, colour }] }. */
function lanes() {
  const { face } = state;
  const colourOf = (label) => clip.colours[label] || "#8c8c8c";
  const found = [
    { key: "expression", title: "expression", height: 1, spans: face.expressions.map((event) => ({ ...event, colour: colourOf(event.label) })) },
  ];
  const given = clip.marks.filter((mark) => mark.face == null || mark.face === face.number);
  if (given.length) {
    const spans = given.map((mark) => ({ ...mark, colour: colourOf(mark.label) }));
    found.push({ key: "given", title: "coder", height: 1, spans });
  }
  const own = marks.of(face).map((mark) => ({ ...mark, colour: colourOf(mark.label) }));
  found.push({ key: "own", title: "your label", height: 1, spans: own });
  const kinds = [...new Set([...Object.keys(KINDS), ...face.events.map((event) => event.kind)])];
  for (const kind of kinds) {
    const spans = face.events.filter((event) => event.kind === kind).map((event) => ({ ...event, colour: kindOf(kind).colour }));
    if (kind !== "expression" && spans.length) found.push({ key: kind, ...kindOf(kind), spans });
  }
  return found;
}

const SMALL = 18;
function drawBand(band) {
  if (!band.on || !state.face) return;
  const drawn = lanes();
  const total = drawn.reduce((sum, lane) => sum + lane.height, 0);
  const unit = SMALL / 0.55;
  const height = Math.round(total * unit) + 10;
  band.plot.style.height = height + "px";
  let top = total;
  const traces = [];
  const middles = [];
  for (const lane of drawn) {
    const middle = top - lane.height / 2;
    middles.push(middle);
    top -= lane.height;
    traces.push(laneTrace(lane, middle));
  }
  const layout = layoutOf({
    height,
    barmode: "overlay",
    yaxis: {
      range: [0, total],
      tickvals: middles,
      ticktext: drawn.map((lane) => lane.title),
      showgrid: false,
      zeroline: false,
      ticklabelstandoff: 5,
      fixedrange: true,
    },
    shapes: shades().filter((shape) => shape.layer === "below"),
  });
  Plotly.react(band.plot, traces, layout, { staticPlot: true, responsive: false });
  const n = state.face.expressions.length;
  band.plot.setAttribute("aria-label", `${n} events of ${state.face.name}; the list below has them as text`);
}

/** Bars of one lane; those with room carry their label. */
function laneTrace(lane, middle) {
  const perSecond = view.width / (view.end - view.start);
  const spans = lane.spans.filter(({ start, end }) => end > view.start && start < view.end);
  const starts = spans.map(({ start }) => Math.max(start, view.start));
  const lengths = spans.map(({ end }, at) => Math.max(Math.min(end, view.end) - starts[at], 1.5 / perSecond));
  const isTall = lane.height === 1;
  return {
    type: "bar",
    orientation: "h",
    base: starts,
    x: lengths,
    y: spans.map(() => middle),
    width: spans.map(() => lane.height * 0.8),
    marker: {
      color: spans.map(({ colour }) => colour),
      line: { width: 0.5, color: styled("surface") },
      cornerradius: 3,
    },
    text: spans.map(({ label }, at) => (isTall && lengths[at] * perSecond > 6.4 * label.length + 8 ? label : "")),
    textposition: "inside",
    insidetextanchor: "middle",
    insidetextfont: { color: spans.map(({ colour }) => inkOn(colour)), size: 11 },
    constraintext: "none",
    textangle: 0,
    hoverinfo: "skip",
  };
}

function describeBand(time) {
  const found = [];
  for (const lane of lanes()) {
    for (const span of lane.spans) {
      if (span.start > time || span.end <= time) continue;
      const text = lane.key === "expression" ? span.label : `${lane.title}${lane.height === 1 ? ": " + span.label : ""}`;
      const length = (span.end - span.start).toFixed(2) + " s";
      found.push({ colour: span.colour, text, value: span.confidence ? `${percent(span.confidence)}, ${length}` : length });
    }
  }
  const row = state.face.rowAt(time);
  if (row < 0) found.push({ text: "the face is not there", faint: true });
  else found.push(...condition(row));
  return found;
}
