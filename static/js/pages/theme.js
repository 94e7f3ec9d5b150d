// @ts-check
// Blocking, in <head>: a stored colour scheme is on <html> before the first paint.
// A classic script, because a module would run too late; so its names are kept in a function.
(() => {
  const KEY = "theme";
  const CHOICES = ["system", "light", "dark"];
  const root = document.documentElement;

  /** @returns {string} The stored choice; "system" if there is none or storage is closed to us. */
  function stored() {
    try {
      const choice = localStorage.getItem(KEY) ?? "system";
      return CHOICES.includes(choice) ? choice : "system";
    } catch {
      return "system";
    }
  }

  /** @param {string} choice */
  function store(choice) {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Storage is closed: the choice holds for this page.
    }
  }

  /** @param {string} choice */
  function apply(choice) {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
    const label = document.querySelector("[data-theme-label]");
    if (label) label.textContent = `Colour theme: ${choice}. Change to ${after(choice)}`;
  }

  /** @param {string} choice */
  function after(choice) {
    return CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "system";
  }

  let choice = stored();
  root.classList.add("js");
  apply(choice);

  document.addEventListener("DOMContentLoaded", () => {
    apply(choice);
    document.querySelector("[data-theme-button]")?.addEventListener("click", () => {
      choice = after(choice);
      store(choice);
      apply(choice);
    });
  });

  // Another tab changed it.
  addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    choice = stored();
    apply(choice);
  });
})();
