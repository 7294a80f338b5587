// The view: which stretch of time the charts show, and where a time lies in them; pointers on the charts.

const mode = {
  source: "p",
  stacked: false,
  get labels() {
    return this.source === "p" ? clip.labels : clip.rawLabels;
  },
};

/** The label with the largest probability in a row, and that probability. */
function shownAt(face, row) {
  let best = { label: mode.labels[0], p: -1 };
  for (const label of mode.labels) {
    const p = face.get(`${mode.source}_${label}`)[row];
    if (p > best.p) best = { label, p };
  }
  return best;
}

const view = {
  start: clip.start,
  end: clip.end,
  left: 92,
  right: 14,
  width: 500,

  /** Measure the room for charts; a layout for every frame of the screen would be slow. */
  measure() {
    const room = $("charts").clientWidth;
    this.left = room < 520 ? 80 : 92;
    this.width = Math.max(room - this.left - this.right, 50);
  },
  x(time) {
    return this.left + ((time - this.start) / (this.end - this.start)) * this.width;
  },
  time(x) {
    return this.start + ((x - this.left) / this.width) * (this.end - this.start);
  },
  get isWhole() {
    return this.start <= clip.start && this.end >= clip.end;
  },

  /** Show a stretch, moved into the clip; at least three frames of it. */
  show(start, end) {
    const whole = clip.end - clip.start;
    const least = Math.min(whole, Math.max(0.1, (3 * whole) / clip.times.length));
    const span = clamp(end - start, least, whole);
    const middle = (start + end) / 2;
    this.start = clamp(middle - span / 2, clip.start, clip.end - span);
    this.end = this.start + span;
    state.changed("view");
  },
  zoom(factor, around = clamp(player.time, this.start, this.end)) {
    this.show(around - (around - this.start) * factor, around + (this.end - around) * factor);
  },
  pan(share) {
    const by = (this.end - this.start) * share;
    this.show(this.start + by, this.end + by);
  },
  whole() {
    this.show(clip.start, clip.end);
  },
  /** Bring a time into view, as a page is turned. */
  follow(time) {
    if (time < this.start || time > this.end) {
      const span = this.end - this.start;
      this.show(time - span * 0.05, time + span * 0.95);
    }
  },
};

/** The stretch that the reader has chosen, for zooming and labels. */
const selection = {
  start: null,
  end: null,
  get isThere() {
    return this.start != null && this.end != null && this.end - this.start > 1e-3;
  },
  set(start, end) {
    [this.start, this.end] = [start, end];
    state.changed("selection");
  },
  clear() {
    this.set(null, null);
  },
  /** Put one end at a time. */
  bound(name, time) {
    const other = name === "start" ? "end" : "start";
    this[name] = time;
    if (this[other] != null && this.start >= this.end) this[other] = null;
    state.changed("selection");
  },
};

function placeMarks() {
  $("playhead").style.transform = `translateX(${view.x(player.time)}px)`;
  $("playhead").hidden = player.time < view.start - 1e-6 || player.time > view.end + 1e-6;
}

function drawSelection() {
  const bar = $("selection");
  const open = selection.start ?? selection.end;
  bar.hidden = open == null;
  if (open == null) return;
  const [start, end] = selection.isThere ? [selection.start, selection.end] : [open, open];
  const [left, right] = [start, end].map((time) => clamp(view.x(time), view.left, view.left + view.width));
  bar.style.transform = `translateX(${left}px)`;
  bar.style.width = Math.max(right - left, 2) + "px";
}

function drawRuler() {
  const found = ticks(view.start, view.end, view.width, view.width < 500 ? 70 : 90);
  const marks = found.map(({ time, text }) => {
    const mark = make("span", { class: "tick" }, text);
    mark.style.left = view.x(time) + "px";
    return mark;
  });
  const caption = make("span", { class: "span" }, view.isWhole ? "whole clip" : clock(view.end - view.start, 1) + " in view");
  $("ruler").replaceChildren(caption, ...marks);
}

/** Listen to pointers: a click seeks, a drag selects, a drag on the ruler or with a finger moves the playhead. */
function listenToPointers() {
  const charts = $("charts");
  let drag = null;
  const at = (event) => clamp(view.time(event.clientX - charts.getBoundingClientRect().left), view.start, view.end);
  const area = (event) => event.target.closest && event.target.closest(".plot, .ruler");
  charts.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !area(event)) return;
    const scrubs = event.pointerType !== "mouse" || Boolean(event.target.closest(".ruler"));
    drag = { x: event.clientX, from: at(event), scrubs, moved: false, area: area(event) };
    charts.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") event.preventDefault();
  });
  charts.addEventListener("pointermove", (event) => {
    if (!drag) return hover(event, area(event), at(event));
    if (Math.abs(event.clientX - drag.x) > 4) drag.moved = true;
    if (!drag.moved) return undefined;
    if (drag.scrubs) player.seek(at(event));
    else selection.set(Math.min(drag.from, at(event)), Math.max(drag.from, at(event)));
    return hideHover();
  });
  charts.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) {
      if (selection.isThere && !drag.scrubs) selection.clear();
      player.seek(at(event));
    }
    drag = null;
  });
  charts.addEventListener("pointercancel", () => (drag = null));
  charts.addEventListener("pointerleave", hideHover);
  charts.addEventListener("dblclick", (event) => area(event) && view.whole());
  charts.addEventListener(
    "wheel",
    (event) => {
      if (!area(event)) return;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(clamp(event.deltaY, -120, 120) / 250), at(event));
      else if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) view.pan(sideways / view.width);
      else return;
      event.preventDefault();
    },
    { passive: false },
  );
}

function hideHover() {
  $("tip").hidden = true;
  $("crosshair").hidden = true;
}

/** Show the values at a time beside the pointer. */
function hover(event, area, time) {
  if (!area || event.pointerType !== "mouse") return hideHover();
  const panel = area.closest(".panel");
  const lines = panel ? panels.find((each) => each.root === panel).describe(time) : [];
  const tip = $("tip");
  const rows = lines.map(({ colour, text, value, faint }) =>
    make("div", { class: faint ? "line faint" : "line" }, make("i", { style: { background: colour || "none" } }), make("span", {}, text), make("b", {}, value || "")),
  );
  const head = make("div", { class: "when" }, clock(time, 2));
  tip.replaceChildren(head, ...rows);
  if (clip.sprite.picture) {
    const picture = make("div", { class: "preview" });
    const [width, height] = clip.sprite.size;
    picture.style.aspectRatio = `${width} / ${height}`;
    picture.style.backgroundImage = `url("${clip.sprite.picture}")`;
    showStill(picture, time);
    if (!panel || panel.dataset.key === "band") tip.prepend(picture);
  }
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = event.clientX + 16 + width > innerWidth - 8 ? event.clientX - 16 - width : event.clientX + 16;
  tip.style.transform = `translate(${left}px, ${clamp(event.clientY - height / 2, 8, innerHeight - height - 8)}px)`;
  $("crosshair").hidden = false;
  $("crosshair").style.transform = `translateX(${view.x(time)}px)`;
  return undefined;
}
