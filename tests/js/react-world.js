// A real React in a jsdom page of its own. React looks at the page when it is loaded, so that comes first.

import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!doctype html>", { url: "https://app.test/" });
const page = {
  window,
  document: window.document,
  navigator: window.navigator,
  localStorage: window.localStorage,
  addEventListener: window.addEventListener.bind(window),
  // Node's own would keep the test from ending.
  BroadcastChannel: undefined,
  IS_REACT_ACT_ENVIRONMENT: true,
};
for (const [name, value] of Object.entries(page)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

const React = await import("react");
const { createRoot } = await import("react-dom/client");
const { act, createElement, StrictMode } = React;

/** Show an element under Strict Mode. `text()` is what a user sees. */
export async function show(t, element) {
  const container = document.createElement("div");
  const root = createRoot(container);
  const render = (next) => act(async () => root.render(createElement(StrictMode, null, next)));
  const unmount = () => act(() => root.unmount());
  t.after(unmount);
  await render(element);
  return { text: () => container.textContent, render, unmount };
}

export { act, createElement as h, React };
