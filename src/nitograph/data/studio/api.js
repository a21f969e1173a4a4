/* The studio's API: asking, streaming, saving. An answer that is an error becomes an Error with its one line. */

const ROOT = "/api/v1";
const SILENT = "The studio does not answer. Start it again with: nitograph studio";

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(ROOT + path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(SILENT);
  }
  if (answer.ok) return answer;
  let said = `The studio answered ${answer.status}.`, code = "";
  try { ({ message: said, code } = (await answer.json()).error); } catch { /* no line came: the status must do */ }
  throw Object.assign(new Error(said), { code });
}

const posted = (body, signal) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

export const ask = async (path, body, signal) => (await answered(path, body === undefined ? { signal } : posted(body, signal))).json();

export const file = async (format, body, signal) => (await answered(`/exports/${format}`, posted(body, signal))).blob();

export const forget = path => answered(path, { method: "DELETE" });

/* Weave a picture; heard(name, value) is called for each event. Returns the last event's value. */
export async function weave(picture, settings, heard, signal) {
  const query = new URLSearchParams(settings);
  const answer = await answered(`/weavings?${query}`, { method: "POST", headers: { "Content-Type": picture.type || "image/png" }, body: picture, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    let part;
    try { part = await reader.read(); } catch (error) { if (error.name === "AbortError") throw error; throw new Error(SILENT); }
    if (part.done) throw new Error(SILENT);
    text += part.value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const [first, second] = text.slice(0, end).split("\n");
      const name = first.slice(7), value = JSON.parse(second.slice(6));
      if (name === "error") throw new Error(value.error.message);
      if (name === "done") return value;
      heard(name, value);
    }
  }
}

export const stop = weaving => answered(`/weavings/${weaving}/stop`, { method: "POST" });

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
