/** docs/define-op.md quotes the examples that test/autograd/define-op.test.ts and the bench tests run. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("docs/define-op.md");

test("quotes docs/examples/swish.ts to the letter", () => {
  const example = readFileSync("docs/examples/swish.ts", "utf8");
  const quoted = example.slice(example.indexOf("/** x·sigmoid")).replace("export const", "const");
  assert.ok(quoted.length > 1000);
  assert.ok(readFileSync("docs/define-op.md", "utf8").includes(`\n${quoted}`));
});

test("quotes docs/examples/naive-matmul.js to the letter", () => {
  const example = readFileSync("docs/examples/naive-matmul.js", "utf8");
  const quoted = example.slice(example.indexOf("import"));
  assert.ok(quoted.length > 800);
  assert.ok(readFileSync("docs/define-op.md", "utf8").includes(`\n${quoted}`));
});

test.run();
