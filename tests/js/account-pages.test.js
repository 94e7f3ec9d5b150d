// The page scripts of accounts: how easily a password is guessed, copying and printing, and when something was.

import assert from "node:assert/strict";
import { test } from "node:test";

import { calm, fakeTime } from "./fake-time.js";
import { deferred, json, problem } from "./harness.js";
import { visit } from "./page.js";

const PAUSE = 0.4; // seconds between the last key and the question

const STRENGTH = `<form>
  <input name="csrf_token" value="signed"><input name="email" value="jo@example.com"><input name="last_name" value="">
  <div data-password-strength data-url="/register/strength" data-own="John Doe">
    <input type="password" name="password"><meter min="0" max="4" hidden></meter><p class="strength-text"></p>
  </div></form>`;

async function strengthPage(t, answer = () => json({ score: 3, reason: "" })) {
  const time = fakeTime(t);
  const page = await visit(t, "password-strength", STRENGTH, { routes: { "POST /register/strength": answer } });
  const type = async (password) => {
    page.find("[type=password]").value = password;
    await page.act("[type=password]", "input");
  };
  return { ...page, time, type, text: () => page.said(".strength-text"), meter: page.find("meter") };
}

test("a password is judged once, when the user has paused, not at every key", async (t) => {
  const { type, time, server, text, meter } = await strengthPage(t);
  for (const start of ["c", "co", "cor"]) {
    await type(start);
    await time.pass(PAUSE - 0.001);
  }
  assert.equal(server.calls.length, 0);
  assert.equal(meter.hidden, true);
  await time.pass(0.001);
  assert.equal(server.calls.length, 1);
  assert.equal(text(), "Strong.");
  assert.equal(meter.value, 3);
  assert.equal(meter.hidden, false);
});

test("the question carries the form's CSRF token, the password, and the words that are the user's own", async (t) => {
  const { type, time, server } = await strengthPage(t);
  await type("a&b=ö");
  await time.pass(PAUSE);
  const sent = [...(await server.calls[0].request.formData())];
  const words = [["own", "John Doe"], ["own", "jo@example.com"]];
  assert.deepEqual(sent, [["csrf_token", "signed"], ["password", "a&b=ö"], ...words]);
  assert.match(server.calls[0].request.headers.get("Content-Type"), /^application\/x-www-form-urlencoded/);
});

test("the reason stands beside the verdict, and even the worst verdict shows on the meter", async (t) => {
  const { type, time, text, meter } = await strengthPage(t, () => json({ score: 0, reason: "Many use it." }));
  await type("password");
  await time.pass(PAUSE);
  assert.equal(text(), "Very easy to guess. Many use it.");
  assert.ok(meter.value > 0);
});

test("an older judgement is aborted by the next, and never overwrites it", async (t) => {
  const slow = deferred();
  const answers = [slow.promise, json({ score: 4, reason: "" })];
  const { type, time, server, text } = await strengthPage(t, () => answers.shift());
  await type("first");
  await time.pass(PAUSE);
  await type("second");
  await time.pass(PAUSE);
  assert.deepEqual(server.calls.map(({ request }) => request.signal.aborted), [true, false]);
  slow.resolve(json({ score: 0, reason: "" }));
  await calm();
  assert.equal(text(), "Very strong.");
});

test("an emptied field asks nothing, says nothing, and ends the judgement under way", async (t) => {
  const slow = deferred();
  const { type, time, server, text, meter } = await strengthPage(t, () => slow.promise);
  await type("first");
  await time.pass(PAUSE);
  await type("");
  await time.pass(PAUSE);
  slow.resolve(json({ score: 0, reason: "" }));
  await calm();
  assert.equal(server.calls.length, 1);
  assert.equal(server.calls[0].request.signal.aborted, true);
  assert.equal(text(), "");
  assert.equal(meter.hidden, true);
});

for (const [what, answer] of [
  ["refuses", () => problem(400, "bad_request")],
  ["is limited", () => problem(429, "too_many_requests")],
  ["breaks", () => new Response("<h1>Oops</h1>", { status: 500 })],
  ["answers with something else", () => new Response("<h1>Sign in to the network</h1>")],
  ["is away", () => Promise.reject(new TypeError("fetch failed"))],
]) {
  test(`a server that ${what} is not the user's concern: nothing is said`, async (t) => {
    const { type, time, server, text } = await strengthPage(t, answer);
    await type("correct horse");
    await time.pass(PAUSE);
    assert.equal(server.calls.length, 1);
    assert.equal(text(), "");
  });
}

// Copying and printing

const COPY = `<pre data-copy-source>one\ntwo</pre><button data-copy hidden></button><span data-copy-status></span>`;

test("the button copies what stands in the page, and says so", async (t) => {
  const copied = [];
  const clipboard = { writeText: async (text) => copied.push(text) };
  const { act, find, said } = await visit(t, "copy", COPY, { navigator: { clipboard } });
  assert.equal(find("button").hidden, false);
  assert.equal(said("span"), "");
  await act("button", "click");
  assert.deepEqual(copied, ["one\ntwo"]);
  assert.equal(said("span"), "Copied.");
});

test("a browser that refuses to copy leads to a hint", async (t) => {
  const clipboard = { writeText: () => Promise.reject(new DOMException("no", "NotAllowedError")) };
  const { act, said } = await visit(t, "copy", COPY, { navigator: { clipboard } });
  await act("button", "click");
  assert.match(said("span"), /Select the text instead/);
});

test("there is no button to copy without a clipboard", async (t) => {
  const { find } = await visit(t, "copy", COPY);
  assert.equal(find("button").hidden, true);
});

test("the button to print prints once a click", async (t) => {
  let prints = 0;
  const print = () => (prints += 1);
  const { act, find } = await visit(t, "print", "<button data-print hidden></button>", { globals: { print } });
  assert.equal(find("button").hidden, false);
  assert.equal(prints, 0);
  await act("button", "click");
  assert.equal(prints, 1);
});

test("each instant of a page says when it was, and how long ago that is, to who cannot point at it either", async (t) => {
  const at = new Date(Date.now() - 7_230_000);
  const html = `<time data-relative datetime="${at.toISOString()}">UTC</time>`;
  const { find, said } = await visit(t, "times", html, { globals: { setInterval: () => {} } });
  const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(at);
  assert.ok(said("time").includes(time), said("time"));
  assert.match(said("time"), /, 2\u00a0hours\u00a0ago$/);
  assert.ok(find("time").title.includes(String(at.getFullYear())));
});
