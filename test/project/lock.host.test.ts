import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("the lock file");

interface Entry {
  readonly optionalDependencies?: Record<string, string>;
  readonly resolved?: string;
}

const text = readFileSync("package-lock.json", "utf8");
const packages: Record<string, Entry> = JSON.parse(text).packages;

/** npm 11 refuses to install where one lacks, though no platform but its own would fetch it. */
test("has an entry for every platform's optional package", () => {
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
    ),
  );
  assert.equal(missing, []);
});

test("names no registry", () => {
  assert.not.match(text, /"resolved"|https?:\/\/registry/);
});

test.run();
