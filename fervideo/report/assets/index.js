// The list of clips: rows to sort and to find, with a strip of each face's events on one time axis.

const batch = JSON.parse($("content").textContent);
const longest = Math.max(...batch.clips.map(({ duration }) => duration), 0.001);
const number = (value, decimals) => (value == null ? "–" : value.toFixed(decimals));

/** One row per face, or one for a clip without a face. */
const rows = batch.clips.flatMap((clip) => clip.faces.map((face) => ({ clip, ...face, facts: face.facts })));
const COLUMNS = [
  { title: "video", key: ({ clip }) => clip.name.toLowerCase(), cell: clipCell },
  { title: "face", key: ({ facts }) => facts.name || (facts.face ?? -1), cell: faceCell },
  { title: "mostly", key: ({ facts }) => facts.expression || "", cell: ({ facts }) => make("td", {}, facts.expression || "–") },
  { title: "shares of time", key: ({ facts }) => 1 - (facts.time_neutral ?? 1), cell: sharesCell },
  { title: "seen", key: ({ facts }) => facts.coverage ?? 0, cell: meterCell((row) => row.facts.coverage), number: true },
  { title: "events/min", key: ({ facts }) => facts.events_per_min ?? -1, cell: numberCell((row) => row.facts.events_per_min, 1), number: true },
  { title: "valence", key: ({ facts }) => facts.mean_valence ?? -2, cell: numberCell((row) => row.facts.mean_valence, 2), number: true },
  { title: "quality", key: ({ quality }) => quality ?? -1, cell: meterCell((row) => row.quality), number: true },
  { title: "length", key: ({ clip }) => clip.duration, cell: ({ clip }) => make("td", { class: "number" }, clock(clip.duration, 1)), number: true },
  { title: "events", key: null, cell: stripCell },
];
let order = { column: 0, down: false };

function clipCell({ clip, facts }) {
  const address = clip.address + (facts.face ? "#face=" + facts.face : "");
  const flag = clip.status === "complete" ? null : make("span", { class: "bad", title: "Frames are missing" }, ` ${clip.status}`);
  return make("td", { class: "clip", title: clip.name }, make("a", { href: address }, clip.name), flag);
}

function faceCell({ facts, picture }) {
  const text = facts.face == null ? "no face" : facts.name || String(facts.face);
  const image = picture ? make("img", { src: picture, alt: "", loading: "lazy" }) : make("span", { class: "nobody" });
  return make("td", { class: "face" }, image, text);
}

function meterCell(value) {
  return (row) => {
    const share = value(row);
    const meter = make("span", { class: "meter" }, make("i", { style: { width: 100 * (share || 0) + "%" } }));
    return make("td", { class: "number" }, meter, percent(share));
  };
}

function numberCell(value, decimals) {
  return (row) => make("td", { class: "number" }, number(value(row), decimals));
}

function sharesCell({ facts }) {
  const shares = batch.labels.map((label) => ({ label, share: facts["time_" + label] || 0 })).filter(({ share }) => share > 0);
  const text = shares.map(({ label, share }) => `${label} ${percent(share)}`).join(", ");
  const parts = shares.map(({ label, share }) => make("i", { style: { background: batch.colours[label], width: 100 * share + "%" } }));
  return make("td", {}, make("div", { class: "shares", role: "img", "aria-label": text || "no face", title: text }, ...parts));
}

function stripCell(row) {
  const canvas = make("canvas", { role: "img", "aria-label": `${row.events.length} events in ${clock(row.clip.duration, 1)}` });
  row.canvas = canvas;
  return make("td", { class: "strip" }, canvas);
}

/** Draw the strips of rows; all are as wide as the first, and to measure each would take a layout each. */
function drawStrips(shown) {
  const width = shown.length ? shown[0].canvas.clientWidth : 0;
  shown.forEach((row) => drawStrip(row, width));
}

function drawStrip({ canvas, clip, events }, width) {
  const ratio = devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(22 * ratio) });
  const ink = canvas.getContext("2d");
  ink.scale(ratio, ratio);
  const scale = width / longest;
  ink.fillStyle = styled("sunken");
  ink.fillRect(0, 8, Math.max(clip.duration * scale, 1), 6);
  for (const [label, start, end] of events) {
    ink.fillStyle = batch.colours[batch.labels[clip.labels[label]]];
    ink.fillRect(start * scale, 2, Math.max((end - start) * scale - 0.5, 0.5), 18);
  }
}

function drawHead() {
  const cells = COLUMNS.map((column, at) => {
    const sorted = order.column === at ? (order.down ? "descending" : "ascending") : null;
    const cell = make("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": sorted });
    if (column.key) {
      const sort = () => {
        order = { column: at, down: order.column === at ? !order.down : Boolean(column.number) };
        draw();
        $("head").children[at].firstChild.focus({ preventScroll: true });
      };
      cell.append(make("button", { onclick: sort }, column.title));
      return cell;
    }
    const axis = make("span", { class: "axis" });
    for (const { time, text } of ticks(0, longest, 320, 70)) {
      axis.append(make("span", { style: { left: (100 * time) / longest + "%" } }, text));
    }
    cell.append(column.title, axis);
    return cell;
  });
  $("head").replaceChildren(...cells);
}

function draw() {
  drawHead();
  const { key } = COLUMNS[order.column];
  const wanted = $("search").value.trim().toLowerCase();
  const shown = rows.filter(({ clip }) => clip.name.toLowerCase().includes(wanted));
  const sign = order.down ? -1 : 1;
  const compare = (a, b) => (typeof a === "string" && typeof b === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a < b ? -1 : a > b ? 1 : 0);
  shown.sort((a, b) => sign * compare(key(a), key(b)) || a.clip.name.localeCompare(b.clip.name));
  for (const row of shown) row.element ??= make("tr", {}, ...COLUMNS.map((column) => column.cell(row)));
  $("body").replaceChildren(...shown.map(({ element }) => element));
  $("none").hidden = shown.length > 0;
  drawStrips(shown);
}

function start() {
  theme.start();
  $("name").textContent = batch.title;
  const seconds = batch.clips.reduce((sum, { duration }) => sum + duration, 0);
  const faces = rows.filter(({ facts }) => facts.face != null).length;
  const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
  $("facts").textContent = [counted(batch.clips.length, "clip"), counted(faces, "face"), clock(seconds, 0) + " of video"].join(" · ");
  $("legend").replaceChildren(...batch.labels.map((label) => make("span", {}, make("i", { class: "dot", style: { background: batch.colours[label] } }), label)));
  $("made").textContent = `Made by fervideo ${batch.version}. Apparent expressions: they describe a face, not the feelings of a person.`;
  $("failed").hidden = !batch.failures.length;
  $("failed-count").textContent = batch.failures.length;
  $("failures").replaceChildren(...batch.failures.map((row) => make("tr", {}, ...["path", "stage", "error", "remedy"].map((name) => make("td", {}, row[name] || "")))));
  $("search").addEventListener("input", draw);
  draw();
  const redraw = oncePerFrame(() => drawStrips(rows.filter(({ element }) => element && element.isConnected)));
  theme.listeners.push(redraw);
  addEventListener("resize", redraw);
  document.documentElement.dataset.ready = "true";
}

start();
