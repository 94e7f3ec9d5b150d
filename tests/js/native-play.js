// Plays the scenario that a program's arguments name, on the engine as it is by now; prints as JSON what came of it.

export async function play() {
  const [scenario, ...args] = process.argv.slice(2);
  const { AbortController, fetch } = globalThis;
  const evergreen = await import("../../static/js/evergreen/native.js");
  const scenarios = { ...(await import("./native-scenarios.js")), ...(await import("./native-standards.js")) };
  console.log(JSON.stringify(await scenarios[scenario](evergreen, { AbortController, fetch, args })));
  process.exit(); // Timers on a phone keep no program from ending; here they would.
}
