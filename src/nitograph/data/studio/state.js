/* Everything that a link holds, as plain values; links, and going back and forth among them.

   A link is the part of the address behind #, which never leaves the browser: mode?key=value&…. What is as
   in START is left out. Strokes are 12 bits a coordinate, a woven thread 12 bits a nail. */

export const START = {
  mode: "write", text: "7", seed: 42, temperature: null, guidance: null, palette: "cyan", view: "neon",
  label: "", strokes: [],
  zoom: 1, centre_x: 0.5, centre_y: 0.5, equalize: 0, invert: true, nails: 240, max_lines: 2000, real: false, woven: null,
  of: "", kept: false,
  diameter: 600, nail_diameter: 1.5, thread_width: 0.15, origin: "top", direction: "cw", side: "front",
};
const MODES = ["write", "draw", "photo", "gallery"];

function packed(numbers) {
  const bytes = new Uint8Array(Math.ceil(numbers.length * 1.5));
  numbers.forEach((number, i) => {
    const at = Math.floor(i * 1.5);
    if (i % 2) { bytes[at] |= number >> 8; bytes[at + 1] = number & 255; }
    else { bytes[at] = number >> 4; bytes[at + 1] = (number & 15) << 4; }
  });
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `${numbers.length}.${btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

function unpacked(text) {
  const [count, packed] = text.split(".");
  const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), sign => sign.charCodeAt(0));
  return Array.from({ length: Math.min(+count, Math.floor(bytes.length / 1.5)) }, (_, i) => {
    const at = Math.floor(i * 1.5);
    return i % 2 ? (bytes[at] & 15) << 8 | bytes[at + 1] : bytes[at] << 4 | bytes[at + 1] >> 4;
  });
}

const clamp = value => Math.min(4095, Math.max(0, Math.round(value * 4095)));
const written = {
  strokes: strokes => packed(strokes.flatMap(stroke => [stroke.length, ...stroke.flat().map(clamp)])),
  woven: thread => packed([thread.num_nails, ...thread.nails]),
};
const read = {
  strokes(text) {
    const numbers = unpacked(text), strokes = [];
    for (let at = 0; at < numbers.length; at += 1 + 2 * numbers[at])
      strokes.push(Array.from({ length: numbers[at] }, (_, i) => [numbers[at + 1 + 2 * i] / 4095, numbers[at + 2 + 2 * i] / 4095]));
    if (!strokes.flat(2).every(Number.isFinite)) throw new Error("strokes");
    return strokes.filter(stroke => stroke.length);
  },
  woven(text) {
    const [num_nails, ...nails] = unpacked(text);
    if (!(nails.length > 1 && nails.every(nail => nail < num_nails))) throw new Error("woven");
    return { num_nails, nails };
  },
};

export function toLink(state) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (key === "mode" || value === null || JSON.stringify(value) === JSON.stringify(START[key])) continue;
    query.set(key, key in written ? written[key](value) : String(value));
  }
  const text = query.toString();
  return `#${state.mode}${text && "?" + text}`;
}

/* What a link cannot mean is left as in START. */
export function fromLink(link) {
  const [mode, text = ""] = link.replace(/^#/, "").split("?");
  const state = structuredClone(START);
  if (MODES.includes(mode)) state.mode = mode;
  for (const [key, value] of new URLSearchParams(text)) {
    if (!(key in START) || key === "mode") continue;
    const like = START[key];
    try {
      if (key in read) state[key] = read[key](value);
      else if (typeof like === "boolean") state[key] = value === "true";
      else if (typeof like === "number" || like === null) { if (value !== "" && Number.isFinite(+value)) state[key] = +value; }
      else state[key] = value;
    } catch { /* a damaged part of a link */ }
  }
  return state;
}

export class Past {
  constructor(link) { this.links = [link]; this.at = 0; }
  add(link) {
    if (link === this.links[this.at]) return;
    this.links.splice(this.at + 1, Infinity, link);
    if (this.links.length > 200) this.links.shift();
    this.at = this.links.length - 1;
  }
  move(by) {
    this.at = Math.min(this.links.length - 1, Math.max(0, this.at + by));
    return this.links[this.at];
  }
  get undoable() { return this.at > 0; }
  get redoable() { return this.at < this.links.length - 1; }
}
