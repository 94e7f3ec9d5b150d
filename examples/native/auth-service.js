import { asyncStorage, createAuth } from "evergreen-auth/native";

/**
 * All that an app needs to know of sign-ins.
 *
 * @param {string} baseURL of the API: from a phone, never "localhost"
 * @param {object} phone
 * @param phone.AsyncStorage from "@react-native-async-storage/async-storage"; or Expo's SecureStore, which is safer
 * @param phone.AppState from "react-native"
 * @param {() => number} [phone.now] another clock, for a demonstration
 */
export function createAuthService(baseURL, { AsyncStorage, AppState, now }) {
  const auth = createAuth({ baseURL, transport: "body", storage: asyncStorage(AsyncStorage), appState: AppState, now });

  async function products() {
    const reply = await auth.fetch(`${baseURL}/products?per_page=5`);
    if (!reply.ok) throw new Error(`The server answered ${reply.status}.`);
    const { items } = await reply.json();
    return items;
  }

  return { auth, products };
}
