import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { fashionMnist, mnist } from "../../src/data/sources.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { skip } from "../support/skip.ts";

/** The folder of the real files, where there is one. */
const folder = [process.env.LATENTGRAD_DATA, join("..", "shared", "data")].find(
  (path) => path !== undefined && existsSync(join(path, "fashion-mnist")),
);

const test = suite("real data");

if (folder === undefined) {
  test("real files", () => {
    skip("no MNIST files in $LATENTGRAD_DATA or ../shared/data");
  });
} else {
  for (const { name, files } of [mnist, fashionMnist]) {
    test(`${name} has the pinned sizes and hashes`, () => {
      for (const file of files) {
        const bytes = readFileSync(join(folder, name, file.name));
        assert.is(bytes.length, file.bytes);
        assert.is(createHash("sha256").update(bytes).digest("hex"), file.sha256, file.name);
      }
    });
  }

  for (const [name, mean, first] of [
    ["fashion-mnist", 72.9404, 9],
    ["mnist", 33.3184, 5],
  ] as const) {
    test(`${name} has the published size and mean pixel`, async () => {
      const data = await loadDataset(name, { host: await createNodeHost(), dataDir: folder });
      assert.equal([data.train.count, data.test.count], [60_000, 10_000]);
      assert.equal([data.height, data.width], [28, 28]);
      const total = (data.train.images as Uint8Array).reduce((sum, value) => sum + value, 0);
      assert.ok(Math.abs(total / data.train.images.length - mean) < 1e-4);
      assert.is(data.train.labels[0], first);
    });
  }
}

test.run();
