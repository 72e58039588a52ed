/** No error of a clean-up replaces the one before it: what may fail goes through src/gpu/clean-up.ts. */
import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("clean-ups in the sources");

interface Block {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** The blocks that begin with a word, as `finally { … }`. */
function blocks(begin: RegExp): Block[] {
  const files = readdirSync("src", { recursive: true }).map((name) => `src/${name}`);
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const source = readFileSync(file, "utf8");
      return [...source.matchAll(begin)].map((found) => {
        const start = found.index + found[0].length;
        let depth = 1;
        let end = start;
        for (; depth > 0; end++) depth += { "{": 1, "}": -1 }[source[end]!] ?? 0;
        const line = source.slice(0, start).split("\n").length;
        return { file, line, text: source.slice(start, end - 1) };
      });
    });
}

/** A promise that is awaited, but for those that cannot reject, and for the error that is to be thrown. */
const awaited =
  /(?<!throw )await (?!afterFailure\()(?![^;]*\.catch\(\(\) => (\{\}|undefined|null)\))/;

test("finally blocks await nothing that can fail", () => {
  const all = blocks(/\bfinally \{/g);
  assert.ok(all.length > 20);
  const wrong = all.filter(({ text }) => awaited.test(text));
  assert.equal(wrong, []);
});

test("what throws an error on awaits nothing that can fail before", () => {
  const all = blocks(/\bcatch \((error|other)\) \{/g);
  const rethrowing = all.filter(({ text }) => /throw (error|other|failure\()[^;]*;\s*$/.test(text));
  assert.ok(rethrowing.length > 10);
  const wrong = rethrowing.filter(({ text }) => awaited.test(text));
  assert.equal(wrong, []);
});

test.run();
