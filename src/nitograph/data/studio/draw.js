/* The drawing pad: mouse, pen, finger or keys. When the pen is lifted, the model winds the drawing. */

const $ = id => document.getElementById(id);
const NEAR = .006, STEP = .02;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Drawing {
  constructor(app) {
    this.app = app;
    this.pad = $("pad");
    this.usual = $("guess").textContent;
    this.stroke = null;
    this.at = [.5, .3];
    this.pad.addEventListener("pointerdown", event => this.down(event));
    this.pad.addEventListener("pointermove", event => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.pad.addEventListener(name, () => this.lift());
    this.pad.addEventListener("keydown", event => this.key(event));
    this.pad.addEventListener("blur", () => { this.keyed = false; this.paint(); });
    $("lift").addEventListener("click", () => app.change({ strokes: app.state.strokes.slice(0, -1) }));
    $("clear").addEventListener("click", () => app.change({ strokes: [] }));
  }

  sync() {
    const { mode, strokes } = this.app.state;
    this.pad.hidden = mode !== "draw";
    $("lift").disabled = $("clear").disabled = !strokes.length;
    if (mode === "draw") this.paint();
    if (!strokes.length) this.read(undefined);
  }

  place(event) {
    const box = this.pad.getBoundingClientRect(), side = Math.min(box.width, box.height);
    const x = (event.clientX - box.left - (box.width - side) / 2) / side, y = (event.clientY - box.top - (box.height - side) / 2) / side;
    return [x, y].map(value => Math.min(1, Math.max(0, value)));
  }

  down(event) {
    if (event.button) return;
    event.preventDefault();
    this.pad.setPointerCapture(event.pointerId);
    this.begin(this.place(event));
  }

  begin(point) {
    this.stroke = [point];
    this.app.winder.pause();
    this.app.hint();
    this.paint();
  }

  move(event) {
    if (!this.stroke || this.keyed) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) this.reach(this.place(each));
    this.paint();
  }

  reach(point) {
    const last = this.stroke.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= NEAR && this.stroke.length < 1999) this.stroke.push(point);
  }

  lift() {
    if (!this.stroke) return;
    const strokes = [...this.app.state.strokes, this.stroke].slice(-200);
    this.stroke = null;
    this.app.change({ strokes });
    this.app.settle();
  }

  key(event) {
    const move = MOVES[event.key];
    if (move && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const far = event.shiftKey ? 3 * STEP : STEP;
      this.at = this.at.map((value, i) => Math.min(1, Math.max(0, value + far * move[i])));
      this.keyed = true;
      if (this.stroke) this.reach(this.at);
      this.paint();
    } else if (event.key === " ") {
      event.preventDefault();
      this.keyed = true;
      $("news").textContent = this.stroke ? "Pen up" : "Pen down";
      if (this.stroke) this.lift(); else this.begin(this.at);
    }
  }

  paint() {
    const box = this.pad.getBoundingClientRect(), scale = Math.min(2, devicePixelRatio || 1);
    this.pad.width = box.width * scale;
    this.pad.height = box.height * scale;
    const ctx = this.pad.getContext("2d"), side = Math.min(this.pad.width, this.pad.height);
    ctx.translate((this.pad.width - side) / 2, (this.pad.height - side) / 2);
    ctx.lineCap = ctx.lineJoin = "round";
    ctx.lineWidth = side * .045;
    const dark = this.app.state.view === "board";
    const drawn = (strokes, alpha) => {
      ctx.strokeStyle = dark ? `rgb(30 34 42 / ${alpha})` : `rgb(235 242 250 / ${alpha})`;
      for (const stroke of strokes) {
        ctx.beginPath();
        stroke.forEach(([x, y], i) => ctx[i ? "lineTo" : "moveTo"](x * side, y * side));
        if (stroke.length === 1) ctx.lineTo(stroke[0][0] * side + .1, stroke[0][1] * side);
        ctx.stroke();
      }
    };
    drawn(this.app.state.strokes, this.stroke ? .5 : .1);
    if (this.stroke) drawn([this.stroke], .9);
    if (this.keyed) {
      ctx.fillStyle = this.stroke ? "#ffd76f" : "#6fdcff";
      ctx.beginPath();
      ctx.arc(this.at[0] * side, this.at[1] * side, side * .014, 0, 2 * Math.PI);
      ctx.fill();
    }
  }

  /* What the model has read, in words. */
  read(guess) {
    if (guess) {
      const [first, second] = guess.ranked.filter(({ chance }) => chance >= .005).map(({ label, chance }) => `${label} (${Math.round(chance * 100)} %)`);
      $("guess").textContent = `It reads as ${first}${second ? `, or else ${second}` : ""}. Choose the class above if it is another.`;
    } else if (guess === null) $("guess").textContent = `Wound as ${this.app.state.label || "any class"}.`;
    else $("guess").textContent = this.app.state.strokes.length && this.app.state.label
      ? `Wound as ${this.app.state.label}.` : this.usual;
  }
}
