// What an application sends: bodies of every kind, by auth.fetch and by XMLHttpRequest.
import { installXMLHttpRequest } from "%CLIENT%";

const { auth } = globalThis.shop;
const ECHO = `${%OPTIONS%.baseURL}/echo`;
installXMLHttpRequest(auth);

/** 200,000 bytes in which no two places look alike. */
const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7919) >> 8);

function form() {
  const data = new FormData();
  data.append("title", "Fjällräven");
  data.append("file", new File([bytes], "spruce.bin", { type: "application/x-spruce" }));
  return data;
}

const BODIES = {
  form,
  blob: () => new Blob([bytes], { type: "application/x-spruce" }),
  string: () => "grünes Holz",
  buffer: () => bytes.buffer.slice(0, 100_000),
  parameters: () => new URLSearchParams({ q: "a b&c" }),
};

/** @returns {Promise<number>} the status that the application sees */
export async function fetchWith(kind) {
  return (await auth.fetch(ECHO, { method: "POST", body: BODIES[kind]() })).status;
}

export async function fetchRequestWith(kind) {
  return (await auth.fetch(new Request(ECHO, { method: "POST", body: BODIES[kind]() }))).status;
}

/** Send a request by XMLHttpRequest; resolves to all that the application sees of it. */
export function ask(method, url, body) {
  const request = new XMLHttpRequest();
  const events = [];
  const note = (name) => (name.includes("readystatechange") ? `${name} ${request.readyState}` : name);
  for (const type of ["loadstart", "readystatechange", "load", "error", "abort", "timeout", "loadend"]) {
    request.addEventListener(type, () => events.push(note(type)));
    request[`on${type}`] = () => events.push(note(`on${type}`));
  }
  const seen = () => ({ status: request.status, text: request.responseText, address: request.responseURL, events });
  return new Promise((resolve) => {
    request.addEventListener("loadend", () => setTimeout(() => resolve(seen()), 100));
    request.open(method, url);
    request.send(body);
  });
}

export async function xhrWith(kind) {
  return (await ask("POST", ECHO, BODIES[kind]())).status;
}

export function askAtOnce(count, path) {
  return Promise.all(Array.from({ length: count }, () => ask("GET", %OPTIONS%.baseURL + path)));
}
