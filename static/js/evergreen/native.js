/**
 * The client for React Native and older browsers: the same, after what the engine may lack was added.
 */
import "./native-globals.js";

export * from "./index.js";
