/* A thread that winds itself on a canvas, frame by frame: neon light that adds up, or dark thread on a board. */

const MARGIN = 0.46; // radius of a board in sides of its square, as the package lays boards out
const SECONDS = 7; // of a whole winding, unless it is asked for otherwise
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function places(count, side) {
  const columns = Math.ceil(Math.sqrt(count)), rows = Math.ceil(count / columns), cell = side / Math.max(columns, rows);
  const discs = Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns), column = i % columns;
    const short = (row + 1) * columns > count ? columns - (count - row * columns) : 0;
    return { x: (column + .5 + short / 2) * cell, y: (row + .5) * cell, r: cell * MARGIN };
  });
  return { width: Math.round(cell * columns), height: Math.round(cell * rows), discs };
}

const rgb = hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
const css = colour => `rgb(${colour.map(Math.round).join(" ")})`;

/* The colour of a chord at a share of the thread: one body colour, or along a gradient. */
function colours(palette) {
  const stops = palette.colours.map(rgb);
  if (!palette.gradient) {
    const [, body, heat] = stops;
    const mixed = css(body.map((value, i) => value * .8 + heat[i] * .2));
    return () => mixed;
  }
  return share => {
    const at = share * (stops.length - 1), low = Math.min(stops.length - 2, Math.floor(at)), part = at - low;
    return css(stops[low].map((value, i) => value + part * (stops[low + 1][i] - value)));
  };
}

export class Winder {
  constructor(canvas, told = () => {}) {
    this.canvas = canvas;
    this.told = told;
    this.threads = [];
    this.count = this.now = this.drawn = 0;
    this.playing = false;
    this.seconds = SECONDS;
    this.exact = null;
    this.spent = []; // ms of work of each frame, for those who measure
    this.sheet = document.createElement("canvas"); // all chords so far
    this.haze = document.createElement("canvas"); // their glow, small
  }

  /* look: { view, palette, gradient, colours, diameter, nail_diameter, thread_width } */
  show(threads, look, { side, play = true, keep = false, seconds = SECONDS } = {}) {
    this.threads = threads;
    this.look = look;
    this.exact = null;
    this.seconds = seconds;
    const size = Math.max(64, Math.round(side));
    const { width, height, discs } = places(Math.max(1, threads.length), size);
    this.canvas.width = this.sheet.width = width;
    this.canvas.height = this.sheet.height = height;
    this.haze.width = Math.ceil(width / 6);
    this.haze.height = Math.ceil(height / 6);
    this.discs = discs;
    this.points = threads.map((thread, i) => this.spots(thread, discs[i]));
    this.colour = colours(look);
    this.count = Math.max(0, ...threads.map(thread => thread.nails.length - 1));
    this.wipe();
    if (keep) this.go(this.count);
    else if (play && !calm.matches && this.count) this.play();
    else this.go(this.count);
  }

  spots(thread, { x, y, r }) {
    return Array.from({ length: thread.num_nails }, (_, k) => {
      const angle = 2 * Math.PI * k / thread.num_nails;
      return [x + r * Math.cos(angle), y + r * Math.sin(angle)];
    });
  }

  /* More nails of a thread that is still being woven. */
  grow(nails) {
    const thread = this.threads[0];
    thread.nails.push(...nails);
    this.count = this.now = Math.max(0, thread.nails.length - 1);
    this.lay(this.now);
    this.paint();
  }

  wipe() {
    this.drawn = 0;
    for (const canvas of [this.sheet, this.haze]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  /* Lay chords upto a whole step of the longest thread; the others keep pace. */
  lay(upto) {
    if (upto < this.drawn) this.wipe();
    const sheet = this.sheet.getContext("2d"), haze = this.haze.getContext("2d"), neon = this.look.view !== "board";
    sheet.lineCap = haze.lineCap = "round";
    sheet.globalCompositeOperation = haze.globalCompositeOperation = neon ? "lighter" : "source-over";
    this.threads.forEach((thread, i) => {
      const total = thread.nails.length - 1, spots = this.points[i], r = this.discs[i].r;
      const from = Math.floor(this.drawn / this.count * total + 1e-9), to = Math.floor(upto / this.count * total + 1e-9);
      for (let k = from; k < to; k++) {
        const [a, b] = [spots[thread.nails[k]], spots[thread.nails[k + 1]]];
        if (neon) {
          const colour = this.colour(k / Math.max(1, total - 1)), dense = Math.min(1, 420 / total);
          line(sheet, a, b, colour, Math.max(.8, r * .0034), .18 + .5 * dense);
          line(haze, [a[0] / 6, a[1] / 6], [b[0] / 6, b[1] / 6], colour, Math.max(1, r / 6 * .024), .025 + .075 * dense);
        } else {
          line(sheet, a, b, "#15181d", Math.max(.35, 2 * r * this.look.thread_width / this.look.diameter), .82);
        }
      }
    });
    this.drawn = upto;
  }

  paint(tip = false) {
    const ctx = this.canvas.getContext("2d"), { width, height } = this.canvas, neon = this.look.view !== "board";
    ctx.globalCompositeOperation = "source-over";
    ctx.globalAlpha = 1;
    if (neon) { ctx.fillStyle = "#04060c"; ctx.fillRect(0, 0, width, height); } else this.board(ctx);
    if (this.exact && this.now >= this.count) { ctx.drawImage(this.exact, 0, 0, width, height); return; }
    if (neon) this.ring(ctx);
    ctx.globalCompositeOperation = neon ? "lighter" : "source-over";
    if (neon) ctx.drawImage(this.haze, 0, 0, width, height);
    ctx.drawImage(this.sheet, 0, 0);
    if (tip) this.tips(ctx, neon);
    if (!neon) this.heads(ctx);
  }

  ring(ctx) {
    ctx.fillStyle = "#26374a";
    this.points.forEach((spots, i) => { for (const [x, y] of spots) dot(ctx, x, y, Math.max(.6, this.discs[i].r * .004)); });
  }

  board(ctx) {
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const { x, y, r } of this.discs) {
      const wood = ctx.createRadialGradient(x - r * .3, y - r * .4, r * .1, x, y, r * 1.08);
      wood.addColorStop(0, "#fbf6ea"); wood.addColorStop(1, "#e6dbc4");
      ctx.fillStyle = wood;
      dot(ctx, x, y, r * 1.06);
    }
  }

  heads(ctx) {
    this.points.forEach((spots, i) => {
      const size = Math.max(.8, this.discs[i].r * this.look.nail_diameter / this.look.diameter);
      ctx.fillStyle = "#5c6470";
      for (const [x, y] of spots) dot(ctx, x, y, size);
    });
  }

  tips(ctx, neon) {
    const share = this.now / this.count;
    this.threads.forEach((thread, i) => {
      const total = thread.nails.length - 1, at = share * total, k = Math.min(total - 1, Math.floor(at)), part = at - k;
      const [a, b] = [this.points[i][thread.nails[k]], this.points[i][thread.nails[k + 1]]];
      const end = [a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])], r = this.discs[i].r;
      line(ctx, a, end, neon ? this.colour(k / Math.max(1, total - 1)) : "#15181d", Math.max(1, r * .006), 1);
      ctx.fillStyle = neon ? "#ffffff" : "#b3400a";
      dot(ctx, end[0], end[1], Math.max(2, r * .011));
    });
  }

  go(step) {
    this.pause();
    this.now = Math.min(this.count, Math.max(0, step));
    if (this.count) this.lay(this.now);
    this.paint();
    this.told(this);
  }

  play() {
    if (!this.count) return;
    if (this.now >= this.count) { this.now = 0; this.wipe(); }
    this.playing = true;
    let before = performance.now();
    const turn = ++this.turn || (this.turn = 1);
    const frame = time => {
      if (!this.playing || turn !== this.turn) return;
      const start = performance.now();
      this.now = Math.min(this.count, this.now + Math.max(0, time - before) / 1000 * this.count / this.seconds);
      before = time;
      const ended = this.now >= this.count;
      this.lay(ended ? this.count : Math.floor(this.now));
      if (ended) this.playing = false;
      this.paint(!ended);
      this.spent.push(performance.now() - start);
      this.told(this);
      if (!ended) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    this.told(this);
  }

  pause() { this.playing = false; }

  /* The finished picture as the package draws it; shown when all is wound. */
  finish(image) {
    this.exact = image;
    if (!this.playing) this.paint();
  }
}

function line(ctx, [x0, y0], [x1, y1], colour, width, alpha) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.globalAlpha = alpha;
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.globalAlpha = 1;
}

function dot(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}
