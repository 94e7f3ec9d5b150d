// @ts-check
// What Swagger UI leaves to be wished for by those who do not see or do not point: as a plugin, and by hand.

/** Names for what has none, and what may be out of sight gets a way to it by keyboard. */
const NAMES = [
  [".body-param__text", "Body of the request"],
  [".examples-select-element", "Example"],
  [".content-type", "Content type"],
  [".responses-table[role=region]", "Answers"],
];

/**
 * A page inside ours has no <main> of its own, and no links inside its buttons.
 *
 * @param {any} system
 */
export function plainParts({ React: { createElement } }) {
  /** @param {any} props */
  const PlainLayout = ({ getComponent, specSelectors }) => {
    /** @param {string} name */
    const part = (name) => createElement(getComponent(name, true), { key: name });
    if (specSelectors.loadingStatus() === "loading") return null;
    const parts = ["errors", "InfoContainer", "AuthorizeBtnContainer", "operations", "Models"];
    return createElement("div", { className: "swagger-ui" }, parts.map(part));
  };
  /** @param {{ text?: string }} props */
  const DeepLink = ({ text }) => createElement("span", null, text);
  return { components: { PlainLayout, DeepLink } };
}

/** @param {HTMLElement} place */
export function nameParts(place) {
  const name = () => {
    for (const [selector, text] of NAMES) {
      for (const part of place.querySelectorAll(`${selector}:not([aria-label])`)) {
        const call = part.closest(".opblock")?.querySelector(".opblock-summary-path")?.textContent?.trim();
        part.setAttribute("aria-label", [text, call].filter(Boolean).join(", "));
      }
    }
    for (const block of place.querySelectorAll("pre:not([tabindex])")) {
      if (block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight) {
        block.setAttribute("tabindex", "0");
      }
    }
  };
  addEventListener("resize", name);
  new MutationObserver(name).observe(place, { childList: true, subtree: true });
}
