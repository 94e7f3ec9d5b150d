// Whether the server can be reached at all, by this browser and over this network; and what people are told if not.

const UNREACHABLE = "We could not be reached. Check your connection and try again.";

/** The client of the API takes fetches back with it: docs/clients.md says since when browsers have it. */
export const isTooOld = () => !("any" in AbortSignal);

/**
 * What the call brings. Rejects with the server's own words if it has sent some, else with the advice above.
 *
 * @template T
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
export async function reach(call) {
  try {
    return await call();
  } catch (error) {
    const { problem } = /** @type {{ problem?: unknown }} */ (error);
    throw problem ? error : new Error(UNREACHABLE, { cause: error });
  }
}

/**
 * @param {() => Promise<Response>} call
 * @returns {Promise<{ isOk: boolean, answer: any }>} the answer's JSON
 */
export function reachForJSON(call) {
  return reach(async () => {
    const reply = await call();
    return { isOk: reply.ok, answer: await reply.json() };
  });
}
