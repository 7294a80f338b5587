// Small helpers of all pages. Text from files only ever becomes text nodes, never markup.

const $ = (id) => document.getElementById(id);

/** Make an element; `on…` attributes are listeners, false and null are left out, children are nodes or text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach(([key, text]) => element.style.setProperty(key, text));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Write a text if it is another one: to write the same would cost a layout all the same. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An icon of 24 by 24 units, drawn by a path. */
function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

/** A time as m:ss with decimals, or h:mm:ss. */
function clock(time, decimals = 2) {
  const units = Math.round(Math.max(time, 0) * 10 ** decimals);
  const whole = Math.floor(units / 10 ** decimals);
  const part = decimals ? "." + String(units % 10 ** decimals).padStart(decimals, "0") : "";
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const seconds = String(whole % 60).padStart(2, "0");
  return (hours ? hours + ":" + String(minutes).padStart(2, "0") : String(minutes)) + ":" + seconds + part;
}

const percent = (share) => (share == null || Number.isNaN(share) ? "–" : Math.round(share * 100) + " %");
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** Index of the last value of a rising array that is not above a value; -1 where all are. */
function lastAtOrBefore(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Steps of a time axis: about one in `pixels` of a stretch that is `width` pixels wide. */
function ticks(start, end, width, pixels = 90) {
  const least = ((end - start) * pixels) / Math.max(width, 1);
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
  const step = steps.find((each) => each >= least) || 36000;
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const found = [];
  for (let number = Math.ceil(start / step - 1e-9); number * step <= end + 1e-9; number += 1) {
    found.push({ time: number * step, text: clock(number * step, decimals) });
  }
  return found;
}

/** Black or white: the one that is read better on a colour. */
function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#111111" : "#ffffff";
}

/** Call a function once per frame of the screen, however often it is asked for. */
function oncePerFrame(action) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      action();
    });
  };
}

/** A mouse leaves no focus behind, so that the space bar goes on playing and does not press the button again. */
document.addEventListener("click", (event) => {
  const button = event.detail > 0 && event.target.closest && event.target.closest("button");
  if (button && !button.closest("dialog")) button.blur();
});

/** Values kept by the browser; where it keeps none, for the life of the page. */
const store = {
  works: true,
  own: {},
  get(key) {
    try {
      return localStorage.getItem("fervideo." + key);
    } catch (error) {
      this.works = false;
      return this.own[key] ?? null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem("fervideo." + key, value);
    } catch (error) {
      this.works = false;
      this.own[key] = value;
    }
  },
};

/** Dark or light: as the system, or as chosen with a button. */
const theme = {
  listeners: [],
  get isDark() {
    const chosen = store.get("theme");
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  apply() {
    document.documentElement.dataset.theme = this.isDark ? "dark" : "light";
    const button = $("theme");
    button.textContent = this.isDark ? "Light" : "Dark";
    button.setAttribute("aria-label", "Switch to " + (this.isDark ? "light" : "dark") + " colours");
    this.listeners.forEach((listener) => listener());
  },
  start() {
    this.apply();
    $("theme").addEventListener("click", () => {
      store.set("theme", this.isDark ? "light" : "dark");
      this.apply();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.apply());
  },
};
/** The value of a colour of the style. */
const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
