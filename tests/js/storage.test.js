import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage, TransientError } from "../../static/js/evergreen/index.js";
import { refreshTokenStore, storageKey } from "../../static/js/evergreen/storage.js";
import { accessToken } from "./harness.js";

test("a refresh token is kept, read and taken away", async () => {
  const store = refreshTokenStore(memoryStorage(), "key");
  assert.equal(await store.get(), null);
  await store.set("r1");
  assert.equal(await store.get(), "r1");
  assert.equal(await store.take(), "r1");
  assert.equal(await store.get(), null);
});

test("of a session that is over, that session's refresh token is taken, or one that does not tell", async () => {
  const store = refreshTokenStore(memoryStorage(), "key");
  for (const refreshToken of [accessToken({ sid: "s1", gen: 2 }), "opaque"]) {
    await store.set(refreshToken);
    assert.equal(await store.take("s1"), refreshToken);
    assert.equal(await store.get(), null);
  }
});

test("another session's refresh token stays", async () => {
  const store = refreshTokenStore(memoryStorage(), "key");
  const refreshToken = accessToken({ sid: "s2", gen: 2 });
  await store.set(refreshToken);
  assert.equal(await store.take("s1"), null);
  assert.equal(await store.get(), refreshToken);
  assert.equal(await store.take(), refreshToken);
});

test("two APIs in one storage never see each other's refresh token", () => {
  assert.notEqual(storageKey("https://app.test/api"), storageKey("https://other.test/api"));
});

test("the key has only characters that every storage takes", () => {
  assert.match(storageKey("https://app.test:8000/~me/api"), /^[\w.-]+$/);
});

/** A place in an asynchronous storage, which does one thing after the other. */
function asynchronousStore() {
  const items = new Map();
  let queue = Promise.resolve();
  const later = (operation) => (queue = queue.then(operation));
  const storage = {
    getItem: (key) => later(() => items.get(key) ?? null),
    setItem: (key, value) => later(() => items.set(key, value)),
    removeItem: (key) => later(() => items.delete(key)),
  };
  return refreshTokenStore(storage, "https://app.test/api");
}

test("an asynchronous storage is asked to remove at once, so that a later token stays", async () => {
  const store = asynchronousStore();
  await store.set("r1");
  const taken = store.take();
  await store.set("r2");
  assert.equal(await taken, "r1");
  assert.equal(await store.get(), "r2");
});

test("a successor takes the place of the token that it belongs to, and of no other", async () => {
  const store = refreshTokenStore(memoryStorage(), "key");
  await store.set("r1");
  await store.replace("r1", "r2");
  assert.equal(await store.get(), "r2");
  await store.replace("r1", "r3");
  assert.equal(await store.get(), "r2");
  await store.replace("r1");
  assert.equal(await store.get(), "r2");
  await store.replace("r2");
  assert.equal(await store.get(), null);
});

for (const successor of ["r2", undefined]) {
  test(`what is done while the storage is being asked stays: ${successor ?? "none"} in the place of r1`, async () => {
    const store = asynchronousStore();
    await store.set("r1");
    await Promise.all([store.replace("r1", successor), store.set("new")]);
    assert.equal(await store.get(), "new");
    await Promise.all([store.replace("new", successor), store.take()]);
    assert.equal(await store.get(), null);
  });
}

test("a storage that fails is a passing failure with its cause", async () => {
  const cause = new Error("quota");
  const fail = () => {
    throw cause;
  };
  const store = refreshTokenStore({ getItem: fail, setItem: fail, removeItem: fail }, "https://app.test/api");
  for (const attempt of [store.get(), store.set("r1"), store.take(), store.replace("r1", "r2")]) {
    await assert.rejects(attempt, (error) => error instanceof TransientError && error.cause === cause);
  }
});
