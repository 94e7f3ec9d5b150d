// @ts-check
// Swagger UI over the API's description. It signs its own calls: with the access token of the last sign-in made here.

import { nameParts, plainParts } from "./api-docs-parts.js";

/**
 * @typedef {{ url: string, status: number, headers: Record<string, string>, body?: any }} Answer
 * @typedef {{ preauthorizeApiKey(scheme: string, key: string): void,
 *   authActions: { logout(schemes: string[]): void } }} SwaggerUI
 */

const SCHEME = "accessToken";
const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const place = /** @type {HTMLElement} */ (document.querySelector("[data-document]"));

function followTheme() {
  const theme = root.dataset.theme;
  root.classList.toggle("dark-mode", theme ? theme === "dark" : systemIsDark.matches);
}

/**
 * Keep the tokens as the client does: adopt what a sign-in or an answer brings, forget them with the sign-out.
 *
 * @param {Answer} answer
 */
function adopt(answer) {
  const token = answer.headers["x-new-token"] ?? answer.body?.access_token;
  if (answer.status < 300 && token) swagger.preauthorizeApiKey(SCHEME, token);
  if (answer.status === 204 && answer.url.endsWith("/api/logout")) swagger.authActions.logout([SCHEME]);
  return answer;
}

followTheme();
systemIsDark.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });
nameParts(place);

/** @type {SwaggerUI} */
const swagger = /** @type {any} */ (globalThis).SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  syntaxHighlight: { activated: false },
  plugins: [plainParts],
  layout: "PlainLayout",
  responseInterceptor: adopt,
});
