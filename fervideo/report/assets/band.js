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
  band.canvas = make("canvas", { class: "lanes" });
  band.plot.append(band.canvas);
  band.legend.remove();
  return band;
}

/** The lanes of the face that is shown, made anew after a change of its labels. */
function lanes() {
  const { face } = state;
  if (lanes.face !== face || lanes.all !== marks.all) Object.assign(lanes, { face, all: marks.all, made: makeLanes(face) });
  return lanes.made;
}

/** Lanes from top to bottom: { key, title, height, spans: [{ start, end, label, colour, uncertain }] }. */
function makeLanes(face) {
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

/** Pixels of a lane of height 1. */
const LANE_PX = 33;

function drawBand(band) {
  if (!band.on || !state.face) return;
  const drawn = lanes();
  const height = Math.round(drawn.reduce((sum, lane) => sum + lane.height, 0) * LANE_PX) + 8;
  const width = band.plot.clientWidth;
  const ratio = devicePixelRatio || 1;
  band.plot.style.height = height + "px";
  Object.assign(band.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const ink = band.canvas.getContext("2d");
  ink.scale(ratio, ratio);
  ink.textBaseline = "middle";
  drawGround(ink, height);
  let top = 4;
  for (const lane of drawn) {
    const depth = lane.height * LANE_PX;
    ink.font = "11px system-ui, sans-serif";
    ink.fillStyle = styled("muted");
    ink.textAlign = "right";
    ink.fillText(lane.title, view.left - 6, top + depth / 2);
    drawLane(ink, lane, top + depth * 0.1, depth * 0.8);
    top += depth;
  }
  const n = state.face.expressions.length;
  band.plot.setAttribute("aria-label", `${n} events of ${state.face.name}; the list below has them as text`);
}

/** Lines of the time axis, and shades where the face is not there or frames are damaged. */
function drawGround(ink, height) {
  ink.fillStyle = styled("grid");
  for (const { time } of ticks(view.start, view.end, view.width, view.width < 500 ? 70 : 90)) {
    ink.fillRect(Math.round(view.x(time)), 0, 1, height);
  }
  for (const { x0, x1, fillcolor } of shades().filter((shape) => shape.layer === "below")) {
    ink.fillStyle = fillcolor;
    ink.fillRect(view.x(x0), 0, view.x(x1) - view.x(x0), height);
  }
}

/** Bars of one lane, pale where the label is uncertain; those with room carry their label. */
function drawLane(ink, lane, top, height) {
  ink.font = "11px system-ui, sans-serif";
  ink.textAlign = "center";
  for (const { start, end, label, colour, uncertain } of lane.spans) {
    if (end <= view.start || start >= view.end) continue;
    const left = view.x(Math.max(start, view.start));
    const width = Math.max(view.x(Math.min(end, view.end)) - left - 1, 1.5);
    ink.fillStyle = colour;
    ink.globalAlpha = uncertain ? 0.35 : 1;
    ink.beginPath();
    ink.roundRect(left, top, width, height, Math.min(3, width / 2));
    ink.fill();
    ink.globalAlpha = 1;
    if (lane.height < 1 || width < 6 * label.length + 8) continue;
    ink.fillStyle = uncertain ? styled("ink") : inkOn(colour);
    ink.fillText(label, left + width / 2, top + height / 2 + 0.5);
  }
}

function describeBand(time) {
  const found = [];
  for (const lane of lanes()) {
    for (const span of lane.spans) {
      if (span.start > time || span.end <= time) continue;
      const text = lane.key === "expression" ? span.label : `${lane.title}${lane.height === 1 ? ": " + span.label : ""}`;
      const length = (span.end - span.start).toFixed(2) + " s";
      found.push({ colour: span.colour, text: span.uncertain ? text + ", uncertain" : text, value: span.confidence ? `${percent(span.confidence)}, ${length}` : length });
    }
  }
  const row = state.face.rowAt(time);
  if (row < 0) found.push({ text: "the face is not there", faint: true });
  else found.push(...condition(row));
  return found;
}
