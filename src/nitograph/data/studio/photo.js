/* A photograph: which part of it, how it is woven, and the thread while it is being woven. */

import { stop, weave } from "./api.js";

const $ = id => document.getElementById(id);

export class Photo {
  constructor(app) {
    this.app = app;
    this.picture = this.image = this.weaving = null;
    this.busy = false;
    $("file").addEventListener("change", () => this.take($("file").files[0]));
    const drop = $("drop");
    for (const name of ["dragover", "dragleave", "drop"]) {
      addEventListener(name, event => {
        event.preventDefault();
        drop.classList.toggle("over", name === "dragover");
        if (name === "drop" && event.dataTransfer.files[0]) { app.change({ mode: "photo" }); this.take(event.dataTransfer.files[0]); }
      });
    }
    addEventListener("paste", event => {
      const pasted = event.clipboardData.files[0];
      if (pasted) { app.change({ mode: "photo" }); this.take(pasted); }
    });
    $("weave").addEventListener("click", () => this.weave());
    $("stop").addEventListener("click", () => { if (this.weaving) stop(this.weaving).catch(error => app.fail(error)); });
  }

  async take(picture) {
    if (!picture) return;
    if (picture.size > this.app.about.limits.upload) { this.app.fail(new Error(`A picture has at most ${Math.round(this.app.about.limits.upload / 2 ** 20)} MiB here.`)); return; }
    this.picture = picture;
    try { this.image = await createImageBitmap(picture); } catch { this.image = null; } // TIFF: the studio reads it, the browser does not
    this.sync();
    this.app.hint();
  }

  settings() {
    const { zoom, centre_x, centre_y, equalize, invert, nails, max_lines, real, thread_width, diameter } = this.app.state;
    const gap = Math.max(2, Math.round(nails / 28));
    return { zoom, centre_x, centre_y, equalize, invert, nails, max_lines, min_nail_gap: gap, ...(real && { thread_mm: thread_width, board_mm: diameter }) };
  }

  sync() {
    $("weave").disabled = !this.picture || this.busy;
    $("stop").disabled = !this.busy;
    $("progress").hidden = !this.busy;
    $("crop").hidden = !this.image;
    if (this.image && this.app.state.mode === "photo") this.preview();
  }

  preview() {
    const { zoom, centre_x, centre_y, invert } = this.app.state, { image } = this, canvas = $("crop"), { width } = canvas;
    const side = Math.max(1, Math.min(image.width, image.height) * zoom);
    const inside = (centre, whole) => Math.min(Math.max(centre * whole - side / 2, 0), whole - side);
    const ctx = canvas.getContext("2d", { willReadFrequently: true });
    ctx.fillStyle = "#000";
    ctx.fillRect(0, 0, width, width);
    ctx.drawImage(image, inside(centre_x, image.width), inside(centre_y, image.height), side, side, 0, 0, width, width);
    const pixels = ctx.getImageData(0, 0, width, width), { data } = pixels;
    for (let i = 0; i < data.length; i += 4) {
      const grey = .299 * data[i] + .587 * data[i + 1] + .114 * data[i + 2];
      data[i] = data[i + 1] = data[i + 2] = invert ? 255 - grey : grey;
    }
    ctx.putImageData(pixels, 0, 0);
  }

  async weave() {
    const { app } = this;
    this.busy = true;
    this.sync();
    $("progress").value = 0;
    $("fault").hidden = true;
    $("news").textContent = "Weaving";
    let most = 1;
    try {
      const done = await weave(this.picture, this.settings(), (name, value) => {
        if (name === "start") this.weaving = value.weaving;
        if (value.num_nails) { most = value.most; app.show([{ num_nails: value.num_nails, nails: [], label: null }], { keep: true }); }
        if (value.nails?.length && app.state.mode === "photo") app.winder.grow(value.nails);
        if (value.chords) { $("progress").value = value.chords / most; $("count").textContent = `${value.chords} of ${most}`; }
      });
      const [{ num_nails, nails }] = done.threads;
      this.end();
      const woven = { num_nails, nails };
      if (app.state.mode === "photo") { app.asked = JSON.stringify(["photo", woven]); app.change({ woven }); app.show(done.threads, { keep: true }); }
      else app.change({ woven });
      app.settle();
      $("news").textContent = `${done.stopped ? "Stopped at" : "Woven:"} ${nails.length - 1} chords`;
    } catch (error) {
      this.end();
      app.fail(error);
    }
  }

  end() {
    this.busy = false;
    this.weaving = null;
    this.sync();
  }
}
