import { useEffect, useState } from "react";

const NEWS = {
  login: "Signed in: here is the first access token.",
  refresh: "Refreshed: the refresh cookie brought a new access token.",
  header: "Renewed on the way: an answer brought a new access token along.",
  tab: "Another tab brought a new access token.",
  logout: "Signed out.",
  ended: "The session is over. Please sign in again.",
};

/** What the client did last, in words. */
export function useNews(auth) {
  const [news, setNews] = useState("No access token yet.");
  useEffect(() => {
    const tell = ({ detail }) => setNews(`${new Date().toLocaleTimeString()}  ${NEWS[detail.source ?? detail.reason]}`);
    auth.addEventListener("token", tell);
    auth.addEventListener("signedout", tell);
    return () => {
      auth.removeEventListener("token", tell);
      auth.removeEventListener("signedout", tell);
    };
  }, [auth]);
  return news;
}
