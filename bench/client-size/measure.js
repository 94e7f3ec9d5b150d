// Bytes that a browser gets for each client: bundled alike by esbuild, minified, gzip -9.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const resolveDir = fileURLToPath(new URL(".", import.meta.url));
const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url), "utf8"));
const own = "../../static/js/evergreen/index.js";

/** [what it is for, what is imported, the package it comes from if it is not ours, what is not counted] */
const CLIENTS = [
  ["Evergreen, fetch", `export { createAuth, installFetch } from "${own}"`],
  ["Evergreen, axios", `export { createAuth, attachAxios } from "${own}"`],
  ["Evergreen, everything", `export * from "${own}"`],
  ["axios-auth-refresh", 'export { createAuthRefresh } from "axios-auth-refresh"', "axios-auth-refresh", ["axios"]],
  ["auth0-spa-js", 'export { createAuth0Client } from "@auth0/auth0-spa-js"', "@auth0/auth0-spa-js"],
  ["supertokens-website", 'export { default } from "supertokens-website"', "supertokens-website"],
  ["supabase auth-js", 'export { GoTrueClient } from "@supabase/auth-js"', "@supabase/auth-js"],
];

async function measure([name, contents, from, external]) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    external,
    format: "esm",
    minify: true,
    platform: "browser",
    target: "es2022",
    write: false,
  });
  const [{ contents: minified }] = outputFiles;
  return {
    client: name,
    version: from ? packages[`node_modules/${from}`].version : "this tree",
    minified: minified.length,
    "gzip -9": gzipSync(minified, { level: 9 }).length,
    dependencies: from ? dependenciesOf(from).size : 0,
  };
}

/** All packages that come along with one, peers such as axios left out. */
function dependenciesOf(name, found = new Set()) {
  for (const dependency of Object.keys(packages[`node_modules/${name}`].dependencies ?? {})) {
    if (!found.has(dependency)) dependenciesOf(dependency, found.add(dependency));
  }
  return found;
}

const rows = await Promise.all(CLIENTS.map(measure));
console.table(rows.sort((one, other) => one["gzip -9"] - other["gzip -9"]));
