// A real axios, attached to an auth that is signed in to a small API on a real socket.

import axios from "axios";

import { attachAxios, createAuth } from "../../static/js/evergreen/index.js";
import { startApi } from "./http-api.js";

/**
 * `prepare` gets the instance before it is attached, to add interceptors of its own. `events` as in the harness; the
 * calls up to the sign-in are forgotten.
 */
export async function axiosWorld(t, config = {}, prepare = () => {}) {
  const api = await startApi(t);
  const auth = createAuth({ baseURL: api.baseURL, transport: "cookie", notes: null });
  await auth.ready;
  const instance = axios.create({ baseURL: api.baseURL, ...config });
  prepare(instance);
  const undo = attachAxios(auth, instance);
  const events = [];
  for (const type of ["token", "signedin", "signedout"]) {
    auth.addEventListener(type, ({ detail }) => events.push([type, detail.source ?? detail.reason].join(" ")));
  }
  api.calls.length = 0;
  return { api, auth, axios: instance, undo, events };
}
