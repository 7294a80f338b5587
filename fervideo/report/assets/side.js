// Everything beside the charts: playback, faces, probabilities now, labels given, events as a list, facts of the face.

const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zm8 0h4v14h-4z",
  back: "M15 6l-6 6 6 6z",
  forward: "M9 6l6 6-6 6z",
  previous: "M7 6h2v12H7zm3.5 6L19 18V6z",
  next: "M15 6h2v12h-2zM5 6v12l8.5-6z",
  boxes: "M4 4h5v2H6v3H4zm11 0h5v5h-2V6h-3zM4 15h2v3h3v2H4zm14 0h2v5h-5v-2h3zM9 9h6v6H9z",
  sound: "M4 9v6h4l5 4V5L8 9zm12 .2v5.6a3.2 3.2 0 0 0 0-5.6zm0-4v2a5 5 0 0 1 0 9.6v2a7 7 0 0 0 0-13.6z",
  silent: "M4 9v6h4l5 4V5L8 9zm17 .4L19.6 8 17 10.6 14.4 8 13 9.4l2.6 2.6L13 14.6l1.4 1.4 2.6-2.6 2.6 2.6 1.4-1.4-2.6-2.6z",
};

function makeBar() {
  const button = (name, title, action) => make("button", { class: "icon", "aria-label": title, title, onclick: action }, icon(ICONS[name]));
  const play = button("play", "Play (space)", () => player.toggle());
  play.classList.add("play");
  const time = make("span", { class: "time", id: "time" });
  const speeds = [0.1, 0.25, 0.5, 1, 2].map((speed) => make("option", { value: speed, selected: speed === 1 }, `${speed}×`));
  const speed = make("select", { "aria-label": "Speed", title: "Speed" }, ...speeds);
  speed.addEventListener("change", () => player.setSpeed(Number(speed.value)));
  const sound = button("sound", "Sound off", () => {
    const video = player.source.element;
    if (!video) return;
    video.muted = !video.muted;
    sound.replaceChildren(icon(ICONS[video.muted ? "silent" : "sound"]));
    sound.setAttribute("aria-label", video.muted ? "Sound on" : "Sound off");
  });
  const boxes = button("boxes", "Boxes around the faces", () => {
    player.boxes = !player.boxes;
    boxes.setAttribute("aria-pressed", String(player.boxes));
    player.draw();
  });
  boxes.setAttribute("aria-pressed", "true");
  $("bar").append(
    button("previous", "Previous event (p)", () => toEvent(-1)),
    button("back", "One frame back (←)", () => player.step(-1)),
    play,
    button("forward", "One frame on (→)", () => player.step(1)),
    button("next", "Next event (n)", () => toEvent(1)),
    time,
    make("span", { class: "fill" }),
    boxes,
    speed,
    sound,
  );
  state.on("playing", () => {
    play.replaceChildren(icon(ICONS[player.playing ? "pause" : "play"]));
    play.setAttribute("aria-label", player.playing ? "Pause (space)" : "Play (space)");
    sound.hidden = !player.source.isVideo || Boolean(clip.video.proxy);
  });
  const show = () => write(time, `${clock(player.time)} / ${clock(clip.end)}`);
  state.on("time", show);
  show();
}

/** Go to the next or previous event of the shown face, or stretch of the coder, by its start. */
function toEvent(direction, spans = state.face ? state.face.expressions : []) {
  const starts = [...new Set(spans.map(({ start }) => start))].sort((a, b) => a - b);
  const found =
    direction > 0 ? starts.find((start) => start > player.time + 1e-3) : starts.reverse().find((start) => insideFrame(frameAt(start)) < player.time - 0.03);
  if (found === undefined) return toast(direction > 0 ? "No later event" : "No earlier event");
  player.seek(found);
  return view.follow(found);
}

function drawFaces() {
  const buttons = clip.faces.map((face) => {
    const picture = face.picture ? make("img", { src: face.picture, alt: "", width: 44, height: 44 }) : make("span", { class: "nobody" });
    const about = `${percent(face.facts.coverage)} of the time`;
    const text = make("span", {}, make("b", {}, face.name), make("small", {}, about));
    return make("button", { class: "face", "aria-pressed": String(face === state.face), onclick: () => choose(face) }, picture, text);
  });
  $("faces").replaceChildren(...buttons);
}

function choose(face) {
  if (face === state.face) return;
  state.face = face;
  history.replaceState(null, "", clip.faces.length > 1 ? "#face=" + face.number : location.pathname.split("/").pop());
  state.changed("face");
}

/** Rows of the labels: the probability now, and a button that gives the label. */
function makeRows() {
  const rows = clip.labels.map((label, at) => {
    const key = at < 9 ? make("kbd", {}, String(at + 1)) : make("kbd", { class: "none" }, " ");
    const bar = make("span", { class: "level" }, make("i", { style: { background: clip.colours[label] } }));
    const value = make("span", { class: "value" });
    const dot = make("i", { class: "dot", style: { background: clip.colours[label] } });
    const button = make("button", { class: "row", title: `Mark as ${label}`, onclick: () => marks.give(label) }, key, dot, make("span", { class: "label" }, label), bar, value);
    return { label, button, bar: bar.firstChild, value };
  });
  $("rows").replaceChildren(...rows.map(({ button }) => button));
  const draw = () => {
    const { face } = state;
    const row = face ? face.rowAt(player.time) : -1;
    for (const { label, button, bar, value } of rows) {
      const column = row >= 0 && mode.labels.includes(label) ? face.get(`${mode.source}_${label}`) : null;
      const p = column ? column[row] : NaN;
      bar.style.transform = `scaleX(${Number.isNaN(p) ? 0 : p})`;
      write(value, percent(p));
      button.classList.toggle("best", row >= 0 && shownAt(face, row).label === label);
    }
    drawNow(face, row);
  };
  state.on("time face view", draw);
}

function drawNow(face, row) {
  const parts = [];
  if (!face) parts.push("no face in this clip");
  else if (row < 0) parts.push("the face is not there");
  else {
    const { label, p } = shownAt(face, row);
    parts.push(`${label} ${Math.round(100 * p)} %`, ...condition(row).map(({ text }) => text));
  }
  const given = face && marks.of(face).find(({ start, end }) => start <= player.time && player.time < end);
  if (given) parts.push(`your label: ${given.label}`);
  write($("now"), parts.join(" · "));
}

function drawHint() {
  const target = state.face && marks.target();
  const part = selection.isThere ? " (selection)" : "";
  const text = target ? `A number marks what you see from ${clock(target.start)} to ${clock(target.end)}${part}.` : "";
  write($("mark-hint"), text);
}

function drawMarks() {
  const n = marks.all.length;
  $("mark-count").textContent = n || "";
  const rows = marks.all.map((mark) => {
    const face = clip.faces.find((each) => each.number === mark.face);
    const change = mark.predicted && mark.predicted !== mark.label ? ` (was ${mark.predicted})` : " (confirmed)";
    const name = clip.faces.length > 1 && face ? face.name + " · " : "";
    const go = () => {
      if (face) choose(face);
      player.seek(mark.start);
      view.follow(mark.start);
    };
    const dot = make("i", { class: "dot", style: { background: clip.colours[mark.label] } });
    const text = make("button", { class: "item", onclick: go }, dot, make("span", { class: "when" }, clock(mark.start)), make("span", {}, name + mark.label, make("small", {}, change)));
    const drop = make("button", { class: "icon drop", "aria-label": `Remove ${mark.label} at ${clock(mark.start)}` }, "×");
    drop.addEventListener("click", () => marks.change(marks.all.filter((each) => each !== mark)));
    return make("div", { class: "mark" }, text, drop);
  });
  const empty = make("p", { class: "hint" }, "None yet. Where you see something else, press its number, or click it above.");
  $("mark-list").replaceChildren(...(n ? rows : [empty]));
  ["save", "clear"].forEach((id) => ($(id).disabled = !n));
  $("kept").textContent = store.works ? "Labels stay in this browser until you clear them." : "This browser keeps nothing: save before you close the page.";
}

function listenToMarks() {
  $("save").addEventListener("click", () => marks.save());
  $("clear").addEventListener("click", () => {
    marks.change([]);
    toast("All labels removed; u brings them back");
  });
  $("load").addEventListener("click", () => $("load-file").click());
  $("load-file").addEventListener("change", async () => {
    const [file] = $("load-file").files;
    if (file) marks.load(await file.text());
    $("load-file").value = "";
  });
}

let eventKinds = new Set(["expression"]);
function drawEvents() {
  if (!state.face) return;
  const { events } = state.face;
  const kinds = [...new Set(events.map((event) => event.kind))];
  $("event-filter").replaceChildren(
    ...kinds.map((kind) => {
      const flip = () => {
        if (eventKinds.has(kind)) eventKinds.delete(kind);
        else eventKinds.add(kind);
        drawEvents();
      };
      const n = events.filter((event) => event.kind === kind).length;
      return make("button", { class: "chip", "aria-pressed": String(eventKinds.has(kind)), onclick: flip }, `${kindOf(kind).title} ${n}`);
    }),
  );
  const shown = events.filter((event) => eventKinds.has(event.kind));
  const rows = shown.map((event) => {
    const colour = event.kind === "expression" ? clip.colours[event.label] : kindOf(event.kind).colour;
    const go = () => {
      player.seek(event.start);
      view.follow(event.start);
    };
    const name = event.kind === "expression" ? event.label : kindOf(event.kind).title;
    const facts = [`${(event.end - event.start).toFixed(2)} s`, event.confidence == null ? "" : percent(event.confidence), event.uncertain ? "uncertain" : ""];
    return make("button", { class: "item", onclick: go, "data-start": event.start }, make("i", { class: "dot", style: { background: colour } }), make("span", { class: "when" }, clock(event.start)), make("span", {}, name), make("small", {}, facts.filter(Boolean).join(" · ")));
  });
  $("event-count").textContent = shown.length || "";
  $("events").replaceChildren(...(rows.length ? rows : [make("p", { class: "hint" }, "No events of these kinds.")]));
}

function drawSummary() {
  if (!state.face) return;
  const { facts } = state.face;
  const shares = clip.labels.map((label) => ({ label, share: facts["time_" + label] || 0 })).filter(({ share }) => share > 0);
  const bar = make("div", { class: "shares", role: "img", "aria-label": shares.map(({ label, share }) => `${label} ${percent(share)}`).join(", ") });
  bar.append(...shares.map(({ label, share }) => make("i", { title: `${label} ${percent(share)}`, style: { background: clip.colours[label], width: 100 * share + "%" } })));
  const number = (value, decimals, unit = "") => (value == null ? "–" : value.toFixed(decimals) + unit);
  const rows = [
    ["mostly", facts.expression || "–"],
    ["seen", percent(facts.coverage)],
    ["events per minute", number(facts.events_per_min, 1)],
    ["mean valence", number(facts.mean_valence, 2)],
    ["smiling", percent(facts.smile_share)],
    ["blinks per minute", number(facts.blinks_per_min, 1)],
    ["looking at the camera", percent(facts.towards_share)],
    ["talking", percent(facts.speaking_share)],
  ];
  const top = [...shares].sort((a, b) => b.share - a.share).slice(0, 4);
  const legend = make("p", { class: "hint" }, top.map(({ label, share }) => `${label} ${percent(share)}`).join(" · "));
  const list = make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  $("summary").replaceChildren(bar, legend, list);
}
