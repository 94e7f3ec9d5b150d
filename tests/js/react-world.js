// A real React in a jsdom page of its own. React looks at the page when it is loaded, so that comes first.

import { JSDOM } from "jsdom";

import { createAuthContext } from "../../static/js/evergreen/index.js";
import { makeAuth, over, USER } from "./harness.js";

export const JANE = { ...USER, first_name: "Jane" };

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

/** A context, and a component that shows what the hook gives. `state()` is that of the last rendering. */
export function makeApp() {
  const { AuthProvider, useAuth } = createAuthContext(React);
  const states = [];
  function Greeting() {
    const state = useAuth();
    states.push(state);
    if (state.loading) return "…";
    return state.user ? `Hello ${state.user.first_name}` : "Sign in";
  }
  const app = (auth) => createElement(AuthProvider, { auth }, createElement(Greeting));
  return { AuthProvider, useAuth, Greeting, app, states, state: () => states.at(-1) };
}

/** Rendered at once, before anything is known; `restore` is what the server says to the restore. */
export async function shown(t, { restore = () => over("no_token"), ...routes } = {}) {
  const world = makeAuth({ routes: { "POST /api/refresh": restore, ...routes }, notes: null });
  const app = makeApp();
  const page = await show(t, app.app(world.auth));
  return { ...world, ...app, ...page };
}

export { act, createElement as h, React };
