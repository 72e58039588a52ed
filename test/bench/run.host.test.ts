/** The command `bench/run.mjs` where it measures nothing. */
import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("bench/run.mjs");

test("refuses what makes no sense, in one line with status 2", () => {
  const cases: [string[], RegExp][] = [
    [["peers", "--filter", "("], /^bench: --filter takes a regular expression, not "\("\n$/],
    [["peers", "--steps", "1"], /^bench: --steps takes at least 2: .+\n$/],
    [["peers", "--batch", "0"], /^bench: --batch takes a whole number from 1, not "0"\n$/],
    [["report", "--runtime", "node"], /^bench: --runtime takes deno, chrome, not "node"\n$/],
    [["report", "--section", "x"], /^bench: --section takes kernels, .+, not "x"\n$/],
    [["measure"], /^bench: give one of report, trainer, peers, size\n$/],
  ];
  for (const [argv, message] of cases) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["bench/run.mjs", ...argv], {
      encoding: "utf8",
    });
    assert.match(stderr, message);
    assert.equal([status, stdout], [2, ""]);
  }
});

test("size bundles the step of the convolutional VAE", () => {
  const { status, stdout } = spawnSync(process.execPath, ["bench/run.mjs", "size", "--json"], {
    encoding: "utf8",
  });
  assert.is(status, 0);
  const [{ engine, minified, gzipped }] = JSON.parse(stdout);
  assert.is(engine, "latentgrad");
  assert.ok(
    gzipped > 20_000 && gzipped < minified && minified < 400_000,
    `${minified}, ${gzipped}`,
  );
});

test.run();
