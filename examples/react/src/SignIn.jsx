import { useState } from "react";

import { useAuth } from "./auth.js";

export function SignIn() {
  const { login } = useAuth();
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);

  async function signIn(event) {
    event.preventDefault();
    if (isBusy) return;
    const { email, password } = Object.fromEntries(new FormData(event.currentTarget));
    setBusy(true);
    setError(null);
    try {
      await login({ email, password });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  }

  return (
    <form className="card" onSubmit={signIn}>
      <h1>Sign in</h1>
      <p id="hint">
        In development there is <strong>test@test.com</strong> with the password <strong>Test123!</strong>
      </p>
      {error && <p role="alert">{error.message}</p>}
      <label htmlFor="email">Email address</label>
      {/* Not type="email", in which Chromium makes strasse.de of straße.de, somebody else's domain. */}
      <input
        id="email"
        name="email"
        inputMode="email"
        autoCapitalize="off"
        placeholder="test@test.com"
        autoComplete="username"
        required
      />
      <label htmlFor="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autoComplete="current-password"
        aria-describedby="hint"
        required
      />
      <button>{isBusy ? "Signing in …" : "Sign in"}</button>
    </form>
  );
}
