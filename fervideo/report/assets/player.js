// The player: a video, or frames of a sprite, or the bare clock; all by the same few methods, on the player's clock.

/** What all parts of the page share. Listeners are called after a change of `face`, `marks`, `view` or `time`. */
const state = {
  face: null,
  listeners: { face: [], marks: [], view: [], time: [], playing: [], selection: [] },
  on(names, listener) {
    names.split(" ").forEach((name) => this.listeners[name].push(listener));
  },
  changed(name) {
    this.listeners[name].forEach((listener) => listener());
  },
};

const player = {
  source: null,
  time: clip.start,
  speed: 1,
  canvas: null,
  boxes: true,
  size: [0, 0],

  start() {
    const { video } = clip;
    this.canvas = make("canvas", { class: "boxes", "aria-hidden": "true" });
    const turned = video.turn % 180 !== 0;
    $("stage").style.setProperty("--aspect", video.width / video.height);
    $("stage").dataset.turn = video.turn;
    if (video.proxy) this.useVideo(video.proxy, video.proxyStart, turned);
    else if (video.address) this.useVideo(video.address, 0, turned);
    else this.useStills(video.missing || "The page has no video.", video.codec !== "images");
    new ResizeObserver(() => {
      this.size = [$("stage").clientWidth, $("stage").clientHeight];
      this.draw();
    }).observe($("stage"));
    state.on("face", () => this.draw());
  },

  useVideo(address, offset, turned) {
    const element = make("video", { src: address, preload: "auto", playsinline: true, tabindex: "-1" });
    element.setAttribute("aria-label", "The video");
    if (turned) element.style.setProperty("width", (100 * clip.video.height) / clip.video.width + "%");
    element.addEventListener("error", () => {
      const reason = element.error && element.error.code === 4 ? "cannot find or play" : "cannot read";
      this.useStills(`The browser ${reason} ${clip.name} (${clip.video.codec}).`, true);
    });
    element.addEventListener("loadedmetadata", () => {
      if (element.videoWidth === 0) this.useStills(`The browser cannot show the codec ${clip.video.codec}.`, true);
      else this.seek(this.time);
    });
    element.addEventListener("ended", () => state.changed("playing"));
    element.addEventListener("play", () => state.changed("playing"));
    element.addEventListener("pause", () => state.changed("playing"));
    this.source = {
      isVideo: true,
      element,
      get time() {
        return element.currentTime + offset;
      },
      set time(time) {
        element.currentTime = Math.max(time - offset, 0);
      },
      get playing() {
        return !element.paused && !element.ended;
      },
      play: () => element.play().catch(() => undefined),
      pause: () => element.pause(),
      speed: (speed) => (element.playbackRate = speed),
    };
    $("stage").replaceChildren(element, this.canvas);
    this.note(clip.video.proxy ? "A small copy of the video, inside this page, without sound." : "", "hint");
  },

  /** Show frames of the sprite where there is no video that plays, with the reason. */
  useStills(reason, canChoose = true) {
    if (this.source && this.source.isVideo) this.source.pause();
    const { sprite } = clip;
    const picture = make("div", { class: "still", role: "img", "aria-label": "A frame of the video" });
    if (sprite.picture) picture.style.backgroundImage = `url("${sprite.picture}")`;
    else picture.append(make("span", {}, "No picture"));
    const began = { time: this.time, at: 0, playing: false, speed: this.speed };
    const now = () => began.time + (began.playing ? ((performance.now() - began.at) / 1000) * began.speed : 0);
    const restart = (changes) => Object.assign(began, { time: now(), at: performance.now() }, changes);
    this.source = {
      isVideo: false,
      get time() {
        if (began.playing && now() >= clip.end) {
          Object.assign(began, { time: clip.end, playing: false });
          state.changed("playing");
        }
        return now();
      },
      set time(time) {
        restart({ time });
      },
      get playing() {
        return began.playing;
      },
      play() {
        restart({ playing: true, ...(now() >= clip.end - 1e-3 ? { time: clip.start } : {}) });
        state.changed("playing");
      },
      pause() {
        restart({});
        began.playing = false;
        state.changed("playing");
      },
      speed: (speed) => restart({ speed }),
      show: (time) => sprite.picture && showStill(picture, time),
    };
    $("stage").replaceChildren(picture, this.canvas);
    const n = sprite.times.length;
    const text = sprite.picture ? ` The page shows ${n} frames of it instead.` : " The charts work without it.";
    const choose = make("input", { type: "file", accept: "video/*", hidden: true, "aria-label": "The video file" });
    choose.addEventListener("change", () => {
      if (!choose.files.length) return;
      clip.video.proxy = "";
      this.useVideo(URL.createObjectURL(choose.files[0]), 0, clip.video.turn % 180 !== 0);
    });
    const button = make("button", { class: "link", onclick: () => choose.click() }, "Choose the video file");
    this.note(reason + text + " ", "note small", ...(canChoose ? [button, choose] : []));
    this.seek(this.time);
    state.changed("playing");
  },

  /** Write a line below the video. */
  note(text, look, ...more) {
    $("player-note").className = look;
    $("player-note").replaceChildren(text, ...more);
    $("player-note").hidden = !text;
  },

  get playing() {
    return this.source.playing;
  },

  toggle() {
    if (this.playing) this.source.pause();
    else this.source.play();
  },

  /** Go to a time; inside the frame that is shown then. */
  seek(time) {
    const frame = frameAt(clamp(time, clip.start, clip.end));
    this.time = clamp(time, insideFrame(frame), Math.max(clip.lasts[frame] - 1e-3, insideFrame(frame)));
    this.source.time = this.time;
    state.changed("time");
    this.draw();
  },

  step(frames) {
    if (this.playing) this.source.pause();
    this.seek(insideFrame(clamp(frameAt(this.time) + frames, 0, clip.times.length - 1)));
  },

  setSpeed(speed) {
    this.speed = speed;
    this.source.speed(speed);
  },

  /** Follow the video: called for each frame of the screen. */
  tick() {
    const time = this.source.time;
    if (!this.playing || time === this.time) return;
    this.time = time;
    state.changed("time");
    this.draw();
  },

  /** Draw the boxes of the faces that are there. */
  draw() {
    const { canvas } = this;
    const [width, height] = this.size;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    }
    const ink = canvas.getContext("2d");
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, width, height);
    if (this.source && this.source.show) this.source.show(this.time);
    if (!this.boxes || !clip.faces.length || (this.source && !this.source.isVideo && !clip.sprite.picture)) return;
    const scale = width / clip.video.width;
    clip.faces.forEach((face) => drawBox(ink, face, scale, width));
  },
};

function drawBox(ink, face, scale, width) {
  const row = face.rowAt(player.time);
  if (row < 0 || face.status[row] === 1) return;
  const [x, y, w, h] = ["x", "y", "w", "h"].map((side) => face.get(`box_${side}_px`)[row] * scale);
  if (Number.isNaN(x)) return;
  const isChosen = face === state.face;
  const { label, p } = shownAt(face, row);
  const colour = clip.colours[label];
  ink.lineWidth = isChosen ? 2.5 : 1.5;
  ink.strokeStyle = isChosen ? colour : "rgba(255,255,255,0.75)";
  ink.globalAlpha = face.get("quality")[row] < clip.lowQuality ? 0.45 : 1;
  ink.beginPath();
  ink.roundRect(x, y, w, h, 5);
  ink.stroke();
  const text = (clip.faces.length > 1 ? face.name + " · " : "") + `${label} ${Math.round(100 * p)} %`;
  ink.font = "600 12px system-ui, sans-serif";
  const long = ink.measureText(text).width + 12;
  const left = clamp(x - 1, 0, Math.max(width - long, 0));
  const top = y > 22 ? y - 21 : y + 2;
  ink.fillStyle = isChosen ? colour : "rgba(0,0,0,0.6)";
  ink.beginPath();
  ink.roundRect(left, top, long, 18, 4);
  ink.fill();
  ink.fillStyle = isChosen ? inkOn(colour) : "#ffffff";
  ink.fillText(text, left + 6, top + 13);
  ink.globalAlpha = 1;
}

/** Show the last frame of the sprite at or before a time as the background of an element. */
function showStill(element, time) {
  const { sprite } = clip;
  const at = Math.max(lastAtOrBefore(sprite.times, time + 1e-3), 0);
  const rows = Math.ceil(sprite.times.length / sprite.columns);
  const part = (index, count) => (count > 1 ? (100 * index) / (count - 1) : 0) + "%";
  element.style.backgroundSize = `${100 * sprite.columns}% ${100 * rows}%`;
  element.style.backgroundPosition = `${part(at % sprite.columns, sprite.columns)} ${part(Math.floor(at / sprite.columns), rows)}`;
}
