// Takes a double click on a form's button for one: the answer to a second sending would stand in the place of the first
// one's, and say that the password is wrong, or the link used up.

const SLOW = 5000; // ms: whoever presses again after so long means it

/** @type {WeakMap<EventTarget, number>} */
const sent = new WeakMap();

document.addEventListener("submit", (event) => {
  const form = /** @type {EventTarget} */ (event.target);
  if (event.timeStamp - (sent.get(form) ?? -SLOW) < SLOW) event.preventDefault();
  else if (!event.defaultPrevented) sent.set(form, event.timeStamp);
});

// A page that comes back from the browser's cache is as it was when it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) sent.delete(form);
});

export {};
