// Keys of the page, and the list of them.

const KEYS = [
  [["Space"], "play or pause"],
  [["←", "→"], "one frame back or on"],
  [["Shift", "← →"], "one second back or on"],
  [["n", "p"], "next or previous event"],
  [["1", "–", "8"], "mark what you see instead, in this event or selection"],
  [["["], "selection starts here"],
  [["]"], "selection ends here"],
  [["Esc"], "no selection"],
  [["Delete"], "remove your label here"],
  [["u"], "undo"],
  [["s"], "save your labels as CSV"],
  [["+", "−"], "zoom in or out"],
  [["z"], "zoom to the selection or the event"],
  [["a"], "show all of the clip"],
  [["f"], "next face"],
  [["r"], "raw or smoothed"],
  [["l"], "lines or stacked"],
  [["d"], "next stretch of the coder"],
  [["?"], "these keys"],
];

/** Keys of a clip without a face. */
const ALWAYS = [" ", "ArrowLeft", "ArrowRight", "Home", "End", "?", "h"];

/** Actions by key. */
function actions() {
  const nextFace = () => choose(clip.faces[(clip.faces.indexOf(state.face) + 1) % clip.faces.length]);
  const zoomTo = () => {
    const target = marks.target();
    if (!target) return;
    const margin = (target.end - target.start) * 0.2;
    view.show(target.start - margin, target.end + margin);
  };
  const given = () => clip.marks.filter((mark) => mark.face == null || mark.face === state.face.number);
  return {
    " ": () => player.toggle(),
    ArrowLeft: (event) => (event.shiftKey ? player.seek(player.time - 1) : player.step(-1)),
    ArrowRight: (event) => (event.shiftKey ? player.seek(player.time + 1) : player.step(1)),
    Home: () => player.seek(clip.start),
    End: () => player.seek(clip.end),
    n: () => toEvent(1),
    p: () => toEvent(-1),
    "[": () => selection.bound("start", player.time),
    "]": () => selection.bound("end", clip.lasts[frameAt(player.time)]),
    Escape: () => selection.clear(),
    Delete: () => marks.remove(),
    Backspace: () => marks.remove(),
    u: () => marks.undo(),
    s: () => marks.save(),
    "+": () => view.zoom(1 / 1.6),
    "=": () => view.zoom(1 / 1.6),
    "-": () => view.zoom(1.6),
    "−": () => view.zoom(1.6),
    z: zoomTo,
    a: () => view.whole(),
    f: nextFace,
    r: () => setSource(mode.source === "p" ? "raw" : "p"),
    l: () => setStacked(!mode.stacked),
    d: () => toEvent(1, given()),
    "?": showKeys,
    h: showKeys,
  };
}

function showKeys() {
  const dialog = $("keys");
  const rows = KEYS.flatMap(([keys, text]) => [
    make("dt", {}, ...keys.flatMap((key) => (key === "–" ? ["–"] : [make("kbd", {}, key)]))),
    make("dd", {}, text),
  ]);
  const close = make("button", { class: "main", onclick: () => dialog.close() }, "Close");
  const drag = make("p", { class: "hint" }, "Click a chart to go there. Drag to select. Ctrl and the wheel zoom, shift and the wheel move. A double click shows all.");
  dialog.replaceChildren(make("h2", { id: "keys-title" }, "Keys"), make("dl", {}, ...rows), drag, close);
  dialog.showModal();
}

function listenToKeys() {
  const known = actions();
  $("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    if (!state.face && !ALWAYS.includes(event.key)) return;
    const { target } = event;
    if (target.closest("input, select, textarea")) return;
    // A button that has the focus is pressed by these keys, and lists scroll with the arrows.
    if (target.closest("button, a") && [" ", "Enter"].includes(event.key)) return;
    const number = /^[1-9]$/.test(event.key) ? clip.labels[Number(event.key) - 1] : null;
    const action = number ? () => marks.give(number) : known[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}
