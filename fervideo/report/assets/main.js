// The page as a whole: tools above the charts, what is drawn when, and the start.

function setSource(source) {
  mode.source = source;
  drawTools();
  panels.find((panel) => panel.key === "probabilities").hidden.clear();
  state.changed("view");
  player.draw();
}

function setStacked(stacked) {
  mode.stacked = stacked;
  drawTools();
  panels.find((panel) => panel.key === "probabilities").draw();
}

/** A group of buttons of which one is pressed. */
function choice(title, options, current, choose) {
  const buttons = options.map(([value, text]) => make("button", { "aria-pressed": String(value === current), onclick: () => choose(value) }, text));
  return make("div", { class: "choice", role: "group", "aria-label": title }, ...buttons);
}

function drawTools() {
  const extra = panels.filter((panel) => !["band", "probabilities"].includes(panel.key)).map((panel) => {
    const flip = () => {
      panel.show(!panel.on);
      drawTools();
    };
    return make("button", { class: "chip", "aria-pressed": String(panel.on), onclick: flip }, panel.title);
  });
  const zoom = (text, title, action) => make("button", { class: "icon", "aria-label": title, title, onclick: action }, text);
  const focused = document.activeElement && document.activeElement.textContent;
  $("tools").replaceChildren(
    choice("Probabilities", [["p", "Smoothed"], ["raw", "Raw"]], mode.source, setSource),
    choice("Form", [[false, "Lines"], [true, "Stacked"]], mode.stacked, setStacked),
    make("div", { class: "chips", role: "group", "aria-label": "More charts" }, ...extra),
    make("div", { class: "zoom", role: "group", "aria-label": "Zoom" }, zoom("−", "Zoom out (-)", () => view.zoom(1.6)), zoom("+", "Zoom in (+)", () => view.zoom(1 / 1.6)), make("button", { title: "Show all (a)", onclick: () => view.whole() }, "All")),
  );
  const again = [...$("tools").querySelectorAll("button")].find((button) => button.textContent === focused);
  if (again) again.focus({ preventScroll: true });
}

function drawHead() {
  $("name").textContent = clip.name;
  const n = clip.faces.length;
  const faces = n ? `${n} ${n === 1 ? "face" : "faces"}` : "no face found";
  $("facts").textContent = [clock(clip.end - clip.start, 1), ...clip.facts, faces].join(" · ");
  const notes = n ? clip.notes : [...clip.notes, "No face was found in this clip."];
  $("notes").replaceChildren(...notes.map((note) => make("p", { class: "note" }, note)));
  for (const part of ["tools", "panels", "below", "rows"]) $(part).hidden = !n;
  $("made").textContent = `Made by fervideo ${clip.version}. Apparent expressions: they describe a face, not the feelings of a person.`;
  if (clip.home) {
    $("home").href = clip.home;
    $("home").hidden = false;
  }
}

const drawPlots = oncePerFrame(() => {
  drawRuler();
  panels.forEach((panel) => (panel.on ? panel.draw() : undefined));
  placeMarks();
  drawSelection();
});

/** Load Plotly, from the page or from the file beside it. */
async function loadPlotly() {
  const inside = $("plotly").tagName === "SCRIPT" && $("plotly").type === "text/plain";
  const code = inside ? new TextDecoder().decode(await unpacked("plotly")) : "";
  if (inside) document.head.append(make("script", {}, code));
  else if (!window.Plotly) await new Promise((done) => $("plotly").addEventListener("load", done));
}

async function start() {
  theme.start();
  drawHead();
  await openClip();
  const wanted = new URLSearchParams(location.hash.slice(1));
  state.face = clip.faces.find((face) => String(face.number) === wanted.get("face")) || clip.faces[0] || null;
  marks.start();
  makeBar();
  makeRows();
  player.start();
  drawFaces();
  listenToMarks();
  drawMarks();
  drawEvents();
  drawSummary();
  makePanels();
  drawTools();
  view.measure();
  state.on("view face", drawPlots);
  state.on("time", placeMarks);
  state.on("time", () => player.playing && view.follow(player.time));
  state.on("selection", drawSelection);
  state.on("selection time face marks", oncePerFrame(drawHint));
  state.on("marks", () => {
    drawMarks();
    panels[0].draw();
    state.changed("time");
  });
  state.on("face", () => [drawFaces, drawEvents, drawSummary].forEach((draw) => draw()));
  theme.listeners.push(drawPlots);
  new ResizeObserver(() => {
    view.measure();
    drawPlots();
  }).observe($("charts"));
  listenToPointers();
  listenToKeys();
  state.changed("playing");
  player.seek(Number(wanted.get("t")) || clip.start);
  const follow = () => {
    player.tick();
    requestAnimationFrame(follow);
  };
  requestAnimationFrame(follow);
  drawPlots();
  // All but the charts works already while the largest part of the page is read.
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  performance.mark("interactive");
  await loadPlotly();
  drawPlots();
  requestAnimationFrame(() => (document.documentElement.dataset.ready = "true"));
}

start().catch((error) => {
  $("notes").append(make("p", { class: "note" }, `The page cannot start (${error.message}). A browser of 2023 or newer is needed.`));
  throw error;
});
