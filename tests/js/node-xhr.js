// XMLHttpRequest over Node's own http, as far as `whatwg-fetch` uses it: what React Native's fetch is made of.

import { request } from "node:http";

export class NodeXMLHttpRequest {
  readyState = 0;
  status = 0;
  statusText = "";
  responseURL = "";
  responseText = "";
  #headers = {};
  #answered = {};

  open(method, url) {
    Object.assign(this, { method, url: String(url), readyState: 1 });
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  send(body) {
    // No connection is kept: the program may end when it is done.
    this.request = request(this.url, { method: this.method, headers: this.#headers, agent: false });
    this.request.on("error", () => this.onerror?.());
    this.request.on("response", (message) => this.#receive(message));
    this.request.end(typeof body === "string" ? body : undefined);
  }

  async #receive(message) {
    for await (const chunk of message) this.responseText += chunk;
    this.#answered = message.headers;
    Object.assign(this, { status: message.statusCode, statusText: message.statusMessage, responseURL: this.url });
    this.readyState = 4;
    this.onload?.();
  }

  abort() {
    this.onerror = null;
    this.request?.destroy();
    this.onabort?.();
  }

  getAllResponseHeaders() {
    return Object.entries(this.#answered)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  }
}
