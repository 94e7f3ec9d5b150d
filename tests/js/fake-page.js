// A page that sleeps and wakes: a document around the test, and the events of its window.

import { calm } from "./fake-time.js";

/** A document around the test, with `wake(type)` for the events of the window. Always restored. */
export function fakePage(t, { baseURI = "https://app.test/", ...more } = {}) {
  const target = new EventTarget();
  const heard = [];
  const page = {
    document: { baseURI, hidden: false },
    addEventListener(type, handler) {
      heard.push(type);
      target.addEventListener(type, handler);
    },
    ...more,
  };
  const before = Object.keys(page).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(page)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  t.after(() => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete globalThis[name];
    }
  });
  return {
    document: page.document,
    heard,
    async wake(type) {
      target.dispatchEvent(new Event(type));
      await calm();
    },
  };
}
