// A page of the site made by jsdom, and a page script that runs in it.

import { JSDOM } from "jsdom";

import { fakePage } from "./fake-page.js";
import { calm } from "./fake-time.js";
import { fakeServer } from "./harness.js";

const ADDRESS = "https://app.test/";
let visits = 0;

/** As in a page, which resolves paths by itself; Node's own wants an address. */
class PageRequest extends Request {
  constructor(input, init) {
    super(typeof input === "string" ? new URL(input, ADDRESS) : input, init);
  }
}

/**
 * Run a page script in a page with `html`, in front of a server with `routes`; what is in `navigator` and in `globals`,
 * the page has besides. `went` lists where the script led: an address, or "reload".
 */
export async function visit(t, script, html, { routes = {}, navigator = {}, globals = {} } = {}) {
  const { window } = new JSDOM(`<!doctype html><main>${html}</main>`, { url: ADDRESS, pretendToBeVisual: true });
  const { HTMLElement, HTMLInputElement, document } = window;
  for (const [name, value] of Object.entries(navigator)) Object.defineProperty(window.navigator, name, { value });
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(window, name, { value });
  const went = [];
  const server = fakeServer(routes);
  fakePage(t, {
    ...{ window, document, HTMLElement, HTMLInputElement, Request: PageRequest, navigator: window.navigator },
    location: { href: ADDRESS, assign: (to) => went.push(to), reload: () => went.push("reload") },
    fetch: server.fetch,
    ...globals,
  });
  visits += 1;
  await import(`../../static/js/pages/${script}.js?visit=${visits}`);
  await calm();

  const find = (selector) => document.querySelector(selector);
  /** Let something happen to an element. Return whether the browser would still do what it does by itself. */
  async function act(selector, type) {
    const goesOn = find(selector).dispatchEvent(new window.Event(type, { bubbles: true, cancelable: true }));
    await calm();
    return goesOn;
  }
  return { find, act, went, server, said: (selector) => find(selector).textContent };
}

/** What was sent in a call to the server. */
export const bodyOf = ({ request }) => request.json();
