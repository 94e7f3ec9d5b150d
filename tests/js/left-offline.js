// What a sign-out offline leaves to the next page.

import { fakeBrowser } from "./fake-browser.js";
import { unreachable } from "./harness.js";

/** Where the note is kept. */
export const KEY = "evergreen.https___app.test_api.left";

/** A page whose sign-out the server has not heard of, and which is gone; `online()` brings the network back. */
export async function leftOffline(t, options) {
  const browser = fakeBrowser(t, { BroadcastChannel: null, ...options });
  const { server, time, openTabs } = browser;
  const [tab] = await openTabs(1);
  const { "POST /api/logout": answer } = server.routes;
  server.routes["POST /api/logout"] = unreachable;
  await time.until(tab.auth.logout());
  const online = () => {
    server.routes["POST /api/logout"] = answer;
    server.calls.length = 0;
  };
  return { ...browser, online };
}
