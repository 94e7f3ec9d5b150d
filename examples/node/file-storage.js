import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * A storage for `createAuth({ storage })` in a file that only its owner may read. Synchronous, so that what the client
 * asks for at once happens in the order in which it asked.
 *
 * @param {string} path
 */
export function fileStorage(path) {
  function read() {
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return {};
      throw error;
    }
  }

  /** Written beside the old file, then renamed: a program that is stopped half-way loses nobody's sign-in. */
  function write(items) {
    if (Object.keys(items).length === 0) return rmSync(path, { force: true });
    const draft = `${path}.${randomUUID()}`;
    writeFileSync(draft, JSON.stringify(items), { mode: 0o600 });
    renameSync(draft, path);
  }

  return {
    getItem: (key) => read()[key] ?? null,
    setItem: (key, value) => write({ ...read(), [key]: value }),
    removeItem: (key) => {
      const { [key]: _removed, ...others } = read();
      write(others);
    },
  };
}
