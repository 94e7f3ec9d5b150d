import axios from "axios";
import { attachAxios, createAuth, createAuthContext } from "evergreen-auth";
import * as React from "react";

const baseURL = import.meta.env.VITE_API_URL ?? "http://localhost:8000/api";

export const auth = createAuth({ baseURL });
export const { AuthProvider, useAuth } = createAuthContext(React);

// Every call by this instance carries the access token; nobody else has to know that there is one.
export const api = axios.create({ baseURL });
attachAxios(auth, api);
