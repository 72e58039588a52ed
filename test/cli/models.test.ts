import { suite } from "uvu";
import * as assert from "uvu/assert";
import { listLines, modelLines } from "../../src/cli/commands/models.ts";
import { models } from "../../src/models/registry.ts";
import { cli } from "../support/cli.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("lists of models and data sets");

test("models and datasets list what there is", async () => {
  assert.is((await cli("models")).out, "vae  variational autoencoder\n");
  assert.is(JSON.parse((await cli("models --json")).out)[0].name, "vae");
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
  for (const part of ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3"]) {
    host.put(`/d/mnist/${part}-ubyte.gz`, "");
  }
  const sets = JSON.parse((await cli("datasets --json", { host })).out);
  assert.is(sets.folder, "/d");
  assert.equal(
    sets.datasets.map((row: { name: string; missing: string[] }) => [row.name, row.missing.length]),
    [
      ["glyphs", 0],
      ["shapes", 0],
      ["tones", 0],
      ["synthetic-8", 0],
      ["synthetic-16", 0],
      ["mnist", 1],
      ["fashion-mnist", 4],
      ["omniglot", 2],
      ["omniglot-rotated", 2],
      ["cifar10", 6],
      ["faces", 1],
      ["anime", 1],
    ],
  );
  assert.match(
    (await cli("datasets", { host })).out,
    /\nmnist .*\n.*missing 1 of 4 files: t10k-labels/,
  );
});

test("models NAME shows the settings of one", async () => {
  const { out } = await cli("models vae");
  assert.is(
    out,
    [
      "vae: variational autoencoder",
      "  a paper",
      "",
      "--set beta=1",
      "    weight of the KL term (a number from 0 to 1000000)",
      "",
      "--set latent=2",
      "    latent dimensions (a whole number from 1 to 512)",
      "",
      "--set network=conv",
      "    layers",
      "    one of: conv, dense",
      "",
    ].join("\n"),
  );
  const { name, settings } = JSON.parse((await cli("models vae --json")).out);
  assert.equal([name, settings.latent.default, settings.network.default], ["vae", 2, "conv"]);
});

test("what models prints fits into 80 columns", () => {
  const lines = [...listLines(models), ...models.flatMap(modelLines)];
  assert.is(listLines(models).length, models.length);
  for (const line of lines) assert.ok(line.length < 80, line);
  const vae = modelLines(models.find(({ name }) => name === "vae")!);
  assert.ok(vae.includes("    dense: one hidden layer of 400"), "a line for each choice");
});

test.run();
