/** Nothing is printed around src/cli/output.ts, which cleans what comes from outside. */
import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("ways to the terminal in the sources");

/** Each with what it is there for. */
const allowed: Readonly<Record<string, RegExp>> = {
  // The one way, and the last line of a process that has no output any more.
  "src/cli/output.ts": /host\.std(out|err)\(|process\.stderr\.write\(/,
  // A library's lines where its program takes none; it cleans them.
  "src/gpu/print-line.ts": /console\.error\(/,
  // What the page has cleaned comes from the same class there.
  "src/host/page-server.ts": /host\.std(out|err)\(body/,
  // The streams themselves.
  "src/host/node.ts": /writeSync\(descriptor, bytes|writeFully\(/,
};

const way =
  /console\s*\.|\bconsole\b\s*\[|process\s*\.\s*std(out|err)\s*\.\s*write|process\s*\.\s*std(out|err)\s*\)|\bwriteSync\(|\bhost\s*\.\s*std(out|err)\s*\(|Deno\s*\.\s*std|\/dev\/(tty|std(out|err))/;

test("all that is printed goes through the one module that cleans it", () => {
  const files = readdirSync("src", { recursive: true }).map((name) => `src/${name}`);
  const found = files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const lines = readFileSync(file, "utf8").split("\n");
      return lines.flatMap((text, i) => (way.test(text) ? [{ file, line: i + 1, text }] : []));
    });
  assert.ok(found.length >= 5, "the search finds the ways that there are");
  const others = found.filter(({ file, text }) => !allowed[file]?.test(text));
  assert.equal(others, []);
});

test.run();
