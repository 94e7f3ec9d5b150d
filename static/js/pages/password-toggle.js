// A button that shows a password while it is typed. Without this script there is no such button.

/**
 * @param {HTMLElement} part The element around input, button and status line.
 */
export function enhance(part) {
  const input = part.querySelector("input");
  /** @type {HTMLButtonElement | null} */
  const button = part.querySelector("[data-password-toggle]");
  const status = part.querySelector("[data-password-status]");
  if (!input || !button || !status) return;
  const name = button.dataset.passwordName ?? "password";

  /** @param {boolean} isShown */
  function show(isShown) {
    const verb = isShown ? "Hide" : "Show";
    input?.setAttribute("type", isShown ? "text" : "password");
    button?.setAttribute("aria-label", `${verb} ${name}`);
    if (button) button.textContent = verb;
  }

  button.addEventListener("click", () => {
    const isShown = input.type === "password";
    show(isShown);
    status.textContent = isShown ? `Your ${name} is shown` : `Your ${name} is hidden`;
  });

  // Hidden again before it is sent: browsers neither remember it as plain text nor offer it again.
  input.form?.addEventListener("submit", () => {
    show(false);
    status.textContent = "";
  });

  button.hidden = false;
}

for (const part of document.querySelectorAll("[data-password-field]")) {
  if (part instanceof HTMLElement) enhance(part);
}
