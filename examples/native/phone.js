/** What stands in for a phone: a storage, the state of the app, and a clock. */
export function createPhone() {
  const items = new Map();
  let ahead = 0;
  let handlers = [];
  return {
    AsyncStorage: {
      getItem: async (key) => items.get(key) ?? null,
      setItem: async (key, value) => void items.set(key, value),
      removeItem: async (key) => void items.delete(key),
    },
    AppState: {
      addEventListener: (type, handler) => handlers.push(handler),
    },
    now: () => Date.now() + ahead,

    /** How many items are stored. */
    get stored() {
      return items.size;
    },

    /** The app goes to the background, or comes back. */
    setState: (state) => handlers.forEach((handler) => handler(state)),

    /** The app is closed: nothing of it is left but what is stored. */
    close: () => (handlers = []),

    passHours: (hours) => (ahead += hours * 3_600_000),
  };
}
