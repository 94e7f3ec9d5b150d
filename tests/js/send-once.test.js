// A form is sent once by a double click.

import assert from "node:assert/strict";
import { test } from "node:test";

import { visit } from "./page.js";

const FORMS = `<form id="one"></form><form id="other"></form>`;

async function formsPage(t) {
  const { find } = await visit(t, "send-once", FORMS);
  const { defaultView: window } = find("#one").ownerDocument;
  /** Press a form's button so many milliseconds after the page was opened. Return whether the browser sends the form. */
  function press(selector, at) {
    const event = new window.Event("submit", { bubbles: true, cancelable: true });
    Object.defineProperty(event, "timeStamp", { value: at });
    return find(selector).dispatchEvent(event);
  }
  return { find, window, press };
}

test("the second click of two sends nothing, and another form is another matter", async (t) => {
  const { press } = await formsPage(t);
  assert.equal(press("#one", 100), true);
  assert.equal(press("#one", 300), false);
  assert.equal(press("#other", 400), true);
});

test("who presses again after five seconds without an answer means it", async (t) => {
  const { press } = await formsPage(t);
  press("#one", 100);
  assert.equal(press("#one", 5099), false);
  assert.equal(press("#one", 5100), true);
  assert.equal(press("#one", 5200), false);
});

test("what a page's own script has stopped was not sent", async (t) => {
  const { find, press } = await formsPage(t);
  find("#one").addEventListener("submit", (event) => event.preventDefault(), { once: true });
  assert.equal(press("#one", 100), false);
  assert.equal(press("#one", 200), true);
});

test("a page that comes back from the browser's cache sends at once", async (t) => {
  const { window, press } = await formsPage(t);
  press("#one", 100);
  const shown = new window.Event("pageshow");
  window.dispatchEvent(Object.assign(shown, { persisted: true }));
  assert.equal(press("#one", 200), true);
});
