// A button that prints the page.

/** @type {HTMLButtonElement | null} */
const button = document.querySelector("[data-print]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

export {};
