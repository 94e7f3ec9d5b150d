// A reporter for `node --test`: every test, and how many lines of the client ran. The run fails when that is too
// little; Node itself knows thresholds from version 22 on only, and none for a single file.

import { readdirSync, readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { spec as Spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const CLIENT = fileURLToPath(new URL("../../static/js/evergreen/", import.meta.url));
const LEAST_IN_ALL = 95;
const LEAST_IN_A_FILE = 90;

/**
 * @param {AsyncIterable<{ type: string, data: any }>} events
 */
export default async function* report(events) {
  const tests = new PassThrough({ objectMode: true });
  const output = tests.pipe(new Spec());
  let summary = { files: [] };
  const reading = (async () => {
    for await (const event of events) {
      if (event.type === "test:coverage") ({ summary } = event.data);
      else tests.write(event);
    }
    tests.end();
  })();
  yield* output;
  await reading;
  yield* judge(linesOf(summary.files));
}

/** Whether a module has comments alone: types, of which nothing runs. */
function isTypes(name) {
  const code = readFileSync(CLIENT + name, "utf8").replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
  return code.trim() === "export {};";
}

/** Every other module of the client; one that no test loads has no line that ran. */
function linesOf(files) {
  const known = new Map(files.map((file) => [file.path, file]));
  return readdirSync(CLIENT)
    .filter((name) => name.endsWith(".js") && !isTypes(name))
    .map((name) => {
      const total = readFileSync(CLIENT + name, "utf8").split("\n").length - 1;
      const { totalLineCount = total, coveredLineCount = 0, lines = [] } = known.get(CLIENT + name) ?? {};
      const missed = lines.filter(({ count }) => count === 0).map(({ line }) => line);
      return { name, total: totalLineCount, covered: coveredLineCount, missed };
    });
}

function* judge(files) {
  const sum = (key) => files.reduce((total, file) => total + file[key], 0);
  const rows = [...files, { name: "all", total: sum("total"), covered: sum("covered"), missed: [] }];
  yield "\nLines of static/js/evergreen that ran:\n";
  let isEnough = true;
  for (const { name, total, covered, missed } of rows) {
    const percent = (100 * covered) / total;
    const least = name === "all" ? LEAST_IN_ALL : LEAST_IN_A_FILE;
    const isFine = percent >= least;
    isEnough &&= isFine;
    const remark = isFine ? "" : `  less than ${least} %`;
    const lines = missed.length ? `  not: ${missed.join(", ")}` : "";
    yield `${percent.toFixed(1).padStart(7)} %  ${name}${lines}${remark}\n`;
  }
  if (isEnough) return;
  yield "Too little of the client ran.\n";
  process.exitCode = 1;
}
