// Moves the focus to the error summary, so that it is read first and Tab leads into its links.

/** @type {HTMLElement | null} */
const summary = document.querySelector("[data-error-summary]");
summary?.focus();

export {};
