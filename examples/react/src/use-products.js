import { useEffect, useState } from "react";

import { api } from "./auth.js";

const NOTHING = { calls: 0, products: [], error: null };

/** The products, loaded once and by every `callAgain()`. Nothing here knows of tokens. */
export function useProducts() {
  const [calls, setCalls] = useState(1);
  const [answer, setAnswer] = useState(NOTHING);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    api.get("/products", { params: { per_page: 6 }, signal }).then(
      ({ data }) => setAnswer({ calls, products: data.items, error: null }),
      (error) => signal.aborted || setAnswer(({ products }) => ({ calls, products, error })),
    );
    return () => controller.abort();
  }, [calls]);
  return { ...answer, isBusy: answer.calls !== calls, callAgain: () => setCalls(calls + 1) };
}
