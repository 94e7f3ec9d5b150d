/** @import { TokenStorage } from "./storage.js" */

/**
 * React Native's AsyncStorage, or Expo's SecureStore, which keeps the refresh token in the phone's key store.
 * @typedef {{ getItem: (key: string) => Promise<string | null>,
 *   setItem: (key: string, value: string) => Promise<unknown>,
 *   removeItem: (key: string) => Promise<unknown> }} AsyncStorage
 * @typedef {{ getItemAsync: (key: string) => Promise<string | null>,
 *   setItemAsync: (key: string, value: string) => Promise<unknown>,
 *   deleteItemAsync: (key: string) => Promise<unknown> }} SecureStore
 */

/**
 * @param {AsyncStorage | SecureStore} store
 * @returns {TokenStorage} for `createAuth({ storage })`
 */
export function asyncStorage(store) {
  if ("getItemAsync" in store) {
    return {
      getItem: (key) => store.getItemAsync(key),
      setItem: (key, value) => store.setItemAsync(key, value),
      removeItem: (key) => store.deleteItemAsync(key),
    };
  }
  return {
    getItem: (key) => store.getItem(key),
    setItem: (key, value) => store.setItem(key, value),
    removeItem: (key) => store.removeItem(key),
  };
}
