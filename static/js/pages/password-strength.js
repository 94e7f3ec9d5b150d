// How easily a new password is guessed, said while it is typed. The server judges, as it will judge in the end; this is
// advice, and without this script the form works as well.

const PAUSE_MS = 400;
const WORDS = ["Very easy to guess", "Easy to guess", "Good", "Strong", "Very strong"];

/**
 * @param {HTMLElement} part The element around password field and meter.
 */
export function enhance(part) {
  const input = part.querySelector("input");
  const meter = part.querySelector("meter");
  const text = part.querySelector(".strength-text");
  const url = part.dataset.url;
  if (!input || !meter || !text || !url) return;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let pending;

  /** What others may know of the user: names and address, if they stand in the same form. @returns {string[]} */
  function ownWords() {
    const fields = ["email", "first_name", "last_name"].map((name) => input?.form?.elements.namedItem(name));
    const values = fields.map((field) => (field instanceof HTMLInputElement ? field.value : ""));
    return [part.dataset.own ?? "", ...values].filter((word) => word !== "");
  }

  async function judge() {
    pending?.abort();
    if (!input || !meter || !text || !url) return;
    meter.hidden = input.value === "";
    if (input.value === "") {
      text.textContent = "";
      return;
    }
    const csrf = input.form?.elements.namedItem("csrf_token");
    const token = csrf instanceof HTMLInputElement ? csrf.value : "";
    const body = new URLSearchParams([["csrf_token", token], ["password", input.value], ...ownWords().map((word) => ["own", word])]);
    pending = new AbortController();
    try {
      const reply = await fetch(url, { method: "POST", body, signal: pending.signal });
      if (!reply.ok) return;
      const { score, reason } = await reply.json();
      meter.value = Math.max(score, 0.3);
      text.textContent = [`${WORDS[score]}.`, reason].filter(Boolean).join(" ");
    } catch {
      // No advice without a server: whatever was wrong, sending the form will tell.
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(judge, PAUSE_MS);
  });
}

for (const part of document.querySelectorAll("[data-password-strength]")) {
  if (part instanceof HTMLElement) enhance(part);
}
