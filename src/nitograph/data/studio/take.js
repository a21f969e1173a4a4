/* What can be taken along: every format as a file, and the winding guide on a phone. */

import { ask, file, forget, save } from "./api.js";

const $ = id => document.getElementById(id);
const NAMES = {
  png: "Picture", mp4: "Film", json: "JSON", svg: "SVG", dxf: "DXF", pdf: "Template", list: "List", gcode: "G-code", html: "Guide",
  csv: "Table, CSV", txt: "Nails, text",
};

export function offer(app) {
  for (const [format, name] of Object.entries(NAMES)) {
    const known = app.about.formats[format];
    if (!known) continue;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name, title: `${known.help} (${known.ending})` });
    button.dataset.format = format;
    button.addEventListener("click", () => take(app, format, button));
    $("formats").append(button);
  }
  $("phone").addEventListener("click", () => phone(app));
  $("unshare").addEventListener("click", async () => {
    try { await forget("/shares"); $("share").close(); $("news").textContent = "The guide is closed"; } catch (error) { app.fail(error); }
  });
}

function wanted(app, format) {
  const film = format === "mp4";
  const paper = $("paper").value, printed = format === "pdf" || (format === "list" && paper !== "sheet");
  const options = printed ? { paper } : {};
  return { threads: app.plain(), look: app.look(film ? 720 : +$("size").value), board: app.board(), options, ...(film && { film: { seconds: 8, hold: 1.5 } }) };
}

/* A name of its own for every text, on every disk: io.names.file_stem, but for its end of names that are too long. */
export function stemOf(text) {
  const parts = text.match(/[A-Za-z0-9-]+|[^A-Za-z0-9-]/gu) ?? [], letters = text.match(/[A-Za-z]/g) ?? [];
  const bits = letters.reduce((sum, letter, at) => letter < "a" ? sum | 1n << BigInt(at) : sum, 0n);
  const all = bits === (1n << BigInt(letters.length)) - 1n;
  const capitals = bits === 0n ? "" : bits === 1n ? "+capital" : all ? "+capitals" : `+capitals-${bits.toString(16)}`;
  const code = part => `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return parts.map(part => /[A-Za-z0-9-]/.test(part) ? part : code(part)).join("_") + capitals;
}

export function fileName(app, ending, several) {
  const { mode, seed } = app.state, name = app.threads.map(thread => thread.label ?? "").join("") || mode;
  const end = several ? `${ending.replace(".", "_")}.zip` : ending;
  return ["nitograph", stemOf(name), ...(mode === "photo" ? [] : [seed])].join("_") + end;
}

async function take(app, format, button) {
  const usual = button.textContent;
  button.disabled = true;
  button.textContent = "Making …";
  try {
    const made = await file(format, wanted(app, format));
    save(made, fileName(app, app.about.formats[format].ending, made.type === "application/zip"));
    $("news").textContent = `${usual} saved`;
  } catch (error) {
    if (format === "mp4" && error.code === "impossible") await webp(app, error); else app.fail(error);
  }
  button.textContent = usual;
  button.disabled = false;
}

/* Without PyAV a film is a WebP. */
async function webp(app, reason) {
  try { save(await file("webp", wanted(app, "mp4")), fileName(app, ".webp", false)); } catch { app.fail(reason); }
}

async function phone(app) {
  const { now, count } = app.winder, [thread] = app.plain();
  try {
    const { address, qr } = await ask("/shares", { threads: [thread], board: app.board(), step: now < count ? Math.floor(now) : 0 });
    const picture = Object.assign(new Image(240, 240), { src: qr, alt: "QR code of the address below" });
    $("code").replaceChildren(picture);
    $("address").href = $("address").textContent = address;
    $("share").showModal();
  } catch (error) { app.fail(error); }
}
