/**
 * The client for React Native: the same, after what its engine may lack was added.
 */
import "./native-globals.js";

export * from "./index.js";
