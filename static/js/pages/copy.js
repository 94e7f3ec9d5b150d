// Buttons that copy what stands in the [data-copy-source] of the page. Without this script there are no such buttons.

const source = document.querySelector("[data-copy-source]");
const status = document.querySelector("[data-copy-status]");
/** @type {HTMLButtonElement | null} */
const button = document.querySelector("[data-copy]");

if (button && source && "clipboard" in navigator) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent ?? "");
      if (status) status.textContent = "Copied.";
    } catch {
      if (status) status.textContent = "Not copied. Select the text instead.";
    }
  });
}

export {};
