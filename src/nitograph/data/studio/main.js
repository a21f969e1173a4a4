/* The studio's page: one state, the controls that show and change it, and the way in which the thread comes. */

import { ask, file } from "./api.js";
import { Drawing } from "./draw.js";
import { Gallery } from "./gallery.js";
import { Photo } from "./photo.js";
import { Past, fromLink, toLink } from "./state.js";
import { offer } from "./take.js";
import { Winder } from "./winder.js";

export const $ = id => document.getElementById(id);
const SETTLED = 350; // ms without a change after which it counts as one for undo

/* Classes in a line: neighbours such as 0 1 2 as 0–2, and names in braces, as they are written in a word. */
function inShort(classes) {
  const runs = [];
  for (const name of classes) {
    const last = runs.at(-1), near = last && name.length === 1 && /[0-9A-Za-z]/.test(name) && last.at(-1).charCodeAt(0) + 1 === name.charCodeAt(0);
    if (near && last.at(-1).length === 1) last.push(name); else runs.push([name]);
  }
  const written = name => [...name].length > 1 ? `{${name}}` : name;
  return runs.map(run => run.length > 2 ? `${run[0]}–${run.at(-1)}` : run.map(written).join(" ")).join(" ");
}

class App {
  constructor(about) {
    this.about = about;
    this.state = fromLink(location.hash);
    this.past = new Past(toLink(this.state));
    this.threads = [];
    this.winder = new Winder($("thread"), winder => this.player(winder));
    this.asked = "";
    this.photo = new Photo(this);
    this.drawing = new Drawing(this);
    this.gallery = new Gallery(this);
    this.fill();
    this.bind();
    offer(this);
    this.sync();
    this.refresh();
  }

  /* --- what the API offers ---------------------------------------------------------------------- */

  fill() {
    const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
    for (const name of Object.keys(this.about.palettes)) $("palette").append(option(name, name));
    for (const name of this.about.model.classes) for (const id of ["label", "of"]) $(id).append(option(name, name));
    const known = this.about.model.classes;
    $("classes-note").textContent = `The model knows ${inShort(known)}. Several make a word.`;
  }

  usual(key) { return this.about.model.sampling[key] ?? 1; }

  sampling() {
    return Object.fromEntries(["temperature", "guidance"].filter(key => this.state[key] !== null).map(key => [key, this.state[key]]));
  }

  board() {
    const { diameter, nail_diameter, thread_width, origin, direction, side } = this.state;
    return { diameter, nail_diameter, thread_width, origin, direction, side };
  }

  look(size) {
    const { view, palette, thread_width, diameter } = this.state;
    if (view !== "board") return { size, palette, layout: "grid" };
    const thickness = Math.min(20, Math.max(.05, 920 * thread_width / diameter));
    return { size, palette: "#1b1e24", background: "paper", glow: 0, thickness, layout: "grid" };
  }

  /* --- changes ----------------------------------------------------------------------------------- */

  change(patch) {
    Object.assign(this.state, patch);
    this.sync();
    this.refresh();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), SETTLED);
  }

  settle() {
    clearTimeout(this.timer);
    const link = toLink(this.state);
    this.past.add(link);
    history.replaceState(null, "", link);
    this.buttons();
  }

  travel(by) {
    this.settle();
    this.arrive(this.past.move(by));
    history.replaceState(null, "", toLink(this.state));
  }

  arrive(link) {
    this.state = fromLink(link);
    this.sync();
    this.refresh();
  }

  buttons() {
    $("undo").disabled = !this.past.undoable;
    $("redo").disabled = !this.past.redoable;
  }

  bind() {
    for (const control of document.querySelectorAll("[data-key]")) {
      control.addEventListener("input", () => {
        const { key, kind } = control.dataset;
        if (kind === "number" && (control.value === "" || !control.checkValidity())) return;
        const value = control.type === "checkbox" ? control.checked : kind === "number" ? +control.value : control.value;
        this.change({ [key]: value });
      });
    }
    for (const button of $("modes").children) button.addEventListener("click", () => this.change({ mode: button.dataset.mode }));
    for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => this.change({ view: button.dataset.view }));
    $("controls").addEventListener("submit", event => event.preventDefault());
    $("dice").addEventListener("click", () => this.change({ seed: Math.floor(Math.random() * 1e6) }));
    $("undo").addEventListener("click", () => this.travel(-1));
    $("redo").addEventListener("click", () => this.travel(1));
    $("link").addEventListener("click", () => this.copy());
    $("play").addEventListener("click", () => { if (this.winder.playing) { this.winder.pause(); this.player(this.winder); } else this.winder.play(); });
    $("step").addEventListener("input", () => this.winder.go(+$("step").value));
    $("fault").querySelector("button").addEventListener("click", () => { $("fault").hidden = true; });
    addEventListener("hashchange", () => { this.arrive(location.hash); this.settle(); });
    addEventListener("keydown", event => {
      if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=text], input[type=number]")) return;
      const key = event.key.toLowerCase();
      if (key === "z" || key === "y") { event.preventDefault(); this.travel(key === "y" || event.shiftKey ? 1 : -1); }
    });
    new ResizeObserver(() => {
      if (!$("stage").hidden && !this.photo.busy && Math.abs(this.side() - this.sided) > 2) this.show(this.threads, { keep: true });
    }).observe($("frame"));
  }

  /* Every control shows the state. */
  sync() {
    const { state } = this;
    for (const control of document.querySelectorAll("[data-key]")) {
      const { key } = control.dataset, value = state[key] ?? this.usual(key);
      if (control.type === "checkbox") control.checked = value;
      else if (control !== document.activeElement || control.type === "range" || control.tagName === "SELECT") control.value = value;
      const shown = control.parentElement.querySelector(".shown");
      if (shown) shown.textContent = Number.isInteger(value) ? value : (+value).toFixed(2);
    }
    for (const part of document.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(state.mode);
    for (const button of $("modes").children) {
      if (button.dataset.mode === state.mode) button.setAttribute("aria-current", "page"); else button.removeAttribute("aria-current");
    }
    for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", button.dataset.view === state.view);
    const many = state.mode === "gallery";
    $("stage").hidden = many;
    $("gallery").hidden = !many;
    $("take").hidden = many;
    $("frame").className = state.view;
    this.drawing.sync();
    this.photo.sync();
    this.hint();
    this.buttons();
  }

  /* What to do where there is nothing to see yet. */
  hint() {
    const { mode, strokes, woven } = this.state;
    const drawn = strokes.length || this.drawing.stroke, chosen = woven || this.photo.picture;
    $("hint").hidden = !((mode === "draw" && !drawn) || (mode === "photo" && !chosen));
    $("hint").textContent = mode === "draw" ? "Draw here" : "Choose, drop or paste a picture";
  }

  /* --- the thread --------------------------------------------------------------------------------- */

  /* What the thread follows from; when that changes, it is asked for again. */
  source() {
    const { mode, text, seed, strokes, label, woven } = this.state;
    if (mode === "write") return [mode, text.trim(), seed, this.sampling()];
    if (mode === "draw") return [mode, strokes, label, seed, this.sampling()];
    return mode === "photo" ? [mode, woven] : [mode, this.state.of, this.state.kept, this.sampling()];
  }

  surface() {
    const { view, palette, diameter, nail_diameter, thread_width } = this.state;
    return JSON.stringify([view, palette, diameter, nail_diameter, thread_width]);
  }

  refresh() {
    const source = JSON.stringify(this.source()), surface = this.surface();
    if (source !== this.asked) {
      this.asked = source;
      this.surfaced = surface;
      this.find();
    } else if (surface !== this.surfaced) {
      this.surfaced = surface;
      if (this.state.mode === "gallery") this.gallery.repaint();
      else this.show(this.threads, { keep: true });
    }
  }

  async find() {
    this.asking?.abort();
    const { signal } = this.asking = new AbortController();
    const { mode, text, seed, strokes, label, woven } = this.state, sampling = this.sampling();
    if (mode === "gallery") { this.gallery.begin(signal); return; }
    if (mode === "photo") { if (!this.photo.busy) this.show(woven ? [{ ...woven, label: null }] : []); return; }
    if (mode === "draw" ? !strokes.length : !text.trim()) { this.show([]); return; }
    try {
      const found = mode === "write"
        ? await ask("/threads", { text: text.trim(), seed, sampling }, signal)
        : await ask("/drawings", { strokes, seed, sampling, ...(label && { label }) }, signal);
      $("fault").hidden = true;
      if (mode === "draw") this.drawing.read(found.guess);
      this.show(found.threads);
    } catch (error) { this.fail(error); }
  }

  side() {
    return Math.min($("frame").clientWidth, $("frame").clientHeight) * Math.min(2, devicePixelRatio || 1);
  }

  show(threads, { keep = false } = {}) {
    this.threads = threads;
    const { palettes } = this.about, { palette, view, diameter, nail_diameter, thread_width } = this.state;
    const name = palette in palettes ? palette : "cyan";
    const look = { view, palette: name, colours: palettes[name].colours, gradient: palettes[name].gradient, diameter, nail_diameter, thread_width };
    const shown = threads.length ? threads : [{ num_nails: this.state.mode === "photo" ? this.state.nails : this.about.model.nails, nails: [] }];
    this.sided = this.side();
    this.winder.show(shown, look, { side: this.sided, keep: keep || !threads.length, seconds: this.state.mode === "draw" ? 1.5 : 7 });
    this.tell();
    this.finish();
  }

  tell() {
    const chords = this.threads.reduce((sum, thread) => sum + thread.nails.length - 1, 0);
    const name = this.threads.map(thread => thread.label ?? "").join("");
    const metres = this.threads.reduce((sum, { nails, num_nails }) => sum + nails.slice(1).reduce(
      (part, nail, i) => part + Math.sin(Math.PI * Math.abs(nail - nails[i]) / num_nails), 0), 0) * this.state.diameter / 1000;
    const said = chords ? `${name ? `${name}: ` : ""}${chords} chords` : "No thread yet";
    $("thread").setAttribute("aria-label", chords ? `Thread of ${said}, drawn as ${this.state.view === "board" ? "a finished board" : "neon light"}` : said);
    $("facts").textContent = chords ? `${said} on ${this.threads[0].num_nails} nails, about ${metres.toFixed(metres < 10 ? 1 : 0)} m of thread on ${this.state.diameter} mm` : "";
    $("news").textContent = said;
    for (const button of document.querySelectorAll("#take button")) button.disabled = !chords;
  }

  /* The finished neon picture, from the package's own renderer. */
  async finish() {
    this.finishing?.abort();
    const { threads } = this;
    if (!threads.length || this.state.view === "board") return;
    const { signal } = this.finishing = new AbortController();
    try {
      const size = Math.round(Math.max($("thread").width, $("thread").height));
      const image = await createImageBitmap(await file("png", { threads: this.plain(), look: this.look(size) }, signal));
      if (threads === this.threads && !signal.aborted) this.winder.finish(image);
    } catch { /* the picture drawn here stays */ }
  }

  /* The threads as the API takes them. */
  plain() {
    return this.threads.map(thread => ({ num_nails: thread.num_nails, nails: thread.nails, label: thread.label ?? null, provenance: thread.provenance ?? {} }));
  }

  player(winder) {
    const wound = Math.floor(winder.now);
    $("step").max = winder.count;
    $("step").value = wound;
    $("step").setAttribute("aria-valuetext", `${wound} of ${winder.count} chords`);
    $("count").textContent = `${wound} of ${winder.count}`;
    $("play").textContent = winder.playing ? "Pause" : "Wind";
    $("play").setAttribute("aria-pressed", winder.playing);
    $("play").disabled = !winder.count;
  }

  /* --- saying -------------------------------------------------------------------------------------- */

  async copy() {
    this.settle();
    try {
      await navigator.clipboard.writeText(location.href);
      $("news").textContent = "The link is copied";
      $("link").textContent = "Copied";
    } catch {
      prompt("The link", location.href);
    }
    setTimeout(() => { $("link").textContent = "Copy link"; }, 2000);
  }

  fail(error) {
    if (error.name === "AbortError") return;
    $("fault").querySelector("p").textContent = error.message;
    $("fault").hidden = false;
  }
}

try {
  window.studio = new App(await ask("/studio"));
} catch (error) {
  $("fault").querySelector("p").textContent = error.message;
  $("fault").hidden = false;
}
