import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("the lock files");

interface Entry {
  readonly optionalDependencies?: Record<string, string>;
  readonly integrity?: string;
  readonly link?: boolean;
}

/** The project's own, that of the engines it is compared with, and that of ONNX Runtime. */
for (const file of [
  "package-lock.json",
  "bench/peers/package-lock.json",
  "test/onnx-runtime/package-lock.json",
]) {
  const text = readFileSync(file, "utf8");
  const packages: Record<string, Entry> = JSON.parse(text).packages;

  /** npm 11 refuses to install where one lacks, though no platform but its own would fetch it. */
  test(`${file} has an entry for every platform's optional package`, () => {
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      ),
    );
    assert.equal(missing, []);
  });

  test(`${file} names no registry`, () => {
    assert.not.match(text, /"resolved"|https?:\/\/registry/);
  });

  /** Without it a registry could give anything under a package's name and version. */
  test(`${file} has the checksum of every package`, () => {
    const installed = Object.entries(packages).filter(([path, { link }]) => path !== "" && !link);
    assert.ok(installed.length > 0);
    const without = installed.filter(
      ([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ""),
    );
    assert.equal(
      without.map(([path]) => path),
      [],
    );
  });
}

test.run();
