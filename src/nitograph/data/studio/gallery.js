/* Many seeds, more of them as one scrolls; favourites stay in this browser. */

import { ask } from "./api.js";
import { Winder } from "./winder.js";

const $ = id => document.getElementById(id);
const FEW = 6, STORE = "nitograph-studio:kept";

export class Gallery {
  constructor(app) {
    this.app = app;
    this.cards = [];
    this.seed = 0;
    this.loading = false;
    try { this.kept = JSON.parse(localStorage.getItem(STORE)) ?? []; } catch { this.kept = []; }
    if (!Array.isArray(this.kept)) this.kept = [];
    this.kept = this.kept.filter(one => typeof one?.text === "string" && Number.isInteger(one.seed));
    $("more").addEventListener("click", () => this.more());
    new IntersectionObserver(seen => { if (seen[0].isIntersecting && this.cards.length) this.more(); }, { rootMargin: "400px" }).observe($("more"));
  }

  begin(signal) {
    this.signal = signal;
    this.seed = 0;
    this.loading = false;
    this.cards = [];
    $("cards").replaceChildren();
    this.note();
    this.more();
  }

  note() {
    $("kept-note").textContent = this.kept.length ? `${this.kept.length} kept in this browser.` : "The star keeps a thread in this browser.";
  }

  async more() {
    if (this.loading || this.app.state.mode !== "gallery") return;
    const { signal, app } = this, { of, kept } = app.state, sampling = app.sampling();
    if (kept && this.seed >= this.kept.length) { $("more").hidden = true; return; }
    $("more").hidden = false;
    this.loading = true;
    $("more").disabled = true;
    try {
      const first = this.seed, classes = app.about.model.classes;
      this.seed += FEW;
      const wanted = kept ? this.kept.slice(first, first + FEW)
        : Array.from({ length: FEW }, (_, i) => ({ text: of || classes[(first + i) % classes.length], seed: first + i, ...sampling }));
      if (of && !kept) {
        const found = await ask("/gallery", { label: of, seed: first, count: FEW, sampling }, signal);
        found.threads.forEach((thread, i) => this.add(wanted[i], thread));
      } else {
        const found = wanted.map(({ text, seed, ...rest }) => ask("/threads", { text, seed, sampling: rest }, signal));
        for (const [i, one] of found.entries()) this.add(wanted[i], (await one).threads[0]);
      }
    } catch (error) { app.fail(error); } finally {
      if (signal === this.signal) { this.loading = false; $("more").disabled = false; }
    }
    if (!signal.aborted && $("more").getBoundingClientRect().top < innerHeight + 200) this.more();
  }

  add(wanted, thread) {
    const item = document.createElement("li"), open = document.createElement("button"), keep = document.createElement("button"), canvas = document.createElement("canvas");
    const name = `${wanted.text}, seed ${wanted.seed}`;
    open.type = keep.type = "button";
    open.className = "open";
    keep.className = "keep";
    open.append(canvas, name);
    open.setAttribute("aria-label", `Open ${name}, ${thread.nails.length - 1} chords`);
    canvas.setAttribute("aria-hidden", "true");
    keep.setAttribute("aria-label", `Keep ${name}`);
    keep.textContent = "★";
    const card = { wanted, thread, canvas };
    const pressed = () => keep.setAttribute("aria-pressed", this.has(wanted));
    open.addEventListener("click", () => this.app.change({ mode: "write", text: wanted.text, seed: wanted.seed, temperature: wanted.temperature ?? null, guidance: wanted.guidance ?? null }));
    keep.addEventListener("click", () => { this.toggle(wanted); pressed(); });
    pressed();
    item.append(open, keep);
    $("cards").append(item);
    this.cards.push(card);
    this.paint(card);
  }

  paint({ thread, canvas }) {
    const { palettes } = this.app.about, { palette, ...state } = this.app.state, name = palette in palettes ? palette : "cyan";
    new Winder(canvas).show([thread], { ...state, palette: name, ...palettes[name] }, { side: 190 * Math.min(2, devicePixelRatio || 1), keep: true });
  }

  repaint() { this.cards.forEach(card => this.paint(card)); }

  has(wanted) { return this.kept.some(one => JSON.stringify(one) === JSON.stringify(wanted)); }

  toggle(wanted) {
    this.kept = this.has(wanted) ? this.kept.filter(one => JSON.stringify(one) !== JSON.stringify(wanted)) : [...this.kept, wanted].slice(-500);
    try { localStorage.setItem(STORE, JSON.stringify(this.kept)); } catch { /* this browser keeps nothing */ }
    this.note();
  }
}
