import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import { type GivenOptions, toTrainOptions } from "../../src/train/config.ts";
import { makePlan } from "../../src/train/plan.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("plan of a training");

/** A host with so many pictures in folders of /p, each filled with its number. */
function hostWith(counts: Readonly<Record<string, number>>): MemoryHost {
  const host = new MemoryHost();
  let fill = 0;
  for (const [folder, count] of Object.entries(counts))
    for (let i = 0; i < count; i++) {
      const pixels = Uint8Array.of(fill++);
      const path = `/p/${folder}${String(i).padStart(3, "0")}.png`;
      host.putPicture(path, { width: 1, height: 1, channels: 1, pixels });
    }
  return host;
}

function plan(host: MemoryHost, texts: GivenOptions["texts"] = {}) {
  const given = { model: "vae", texts: { data: "folder:/p", batch: "4", ...texts }, settings: {} };
  return makePlan(
    toTrainOptions(given, () => "r"),
    host,
  );
}

/** Numbers of test, validation and training images, and the first that is validated. */
async function counts(host: MemoryHost, texts: GivenOptions["texts"] = {}) {
  const { dataset, held, split } = await plan(host, texts);
  const { validation, train } = split;
  const first = validation.length > 0 ? held.images[validation[0]!] : undefined;
  return [dataset.test.count, validation.length, train.length, first];
}

test("a validation part of the folder takes the place of the tenth", async () => {
  const host = () => hostWith({ "test/": 10, "train/": 40, "val/": 6 });
  assert.equal(await counts(host()), [10, 6, 40, 50]);
  assert.equal(await counts(host(), { limit: "8" }), [10, 6, 8, 50]);
  const { held, dataset } = await plan(host());
  assert.is(held, dataset.validation);
  for (const none of [{ validation: "0" }, { "full-train": "true" }] as const)
    assert.equal(await counts(host(), none), [10, 0, 40, undefined], "the part stays unused");
  await rejects(
    () => counts(host(), { validation: "5" }),
    UsageError,
    /^--validation 5: the data have a validation part of 6 images; --validation 0 leaves it unused$/,
  );
  assert.equal((await counts(host(), { "dry-run": "true", batch: "2" })).slice(1, 3), [4, 4]);
});

test("else a tenth is held out, or as many as --validation says", async () => {
  const host = () => hostWith({ "": 80 });
  assert.equal((await counts(host())).slice(0, 3), [8, 7, 65]);
  assert.equal((await counts(host(), { validation: "30" })).slice(0, 3), [8, 30, 42]);
  assert.equal((await counts(host(), { validation: "0" })).slice(0, 3), [8, 0, 72]);
  await rejects(
    () => counts(host(), { validation: "72" }),
    UsageError,
    /^--validation 72: there are 72 images to train and to validate on$/,
  );
  const { held, split } = await plan(host(), { overfit: "8" });
  assert.equal([held.count, split.validation], [72, split.train]);
});

test("too few images: the split is shown, and what would help", async () => {
  const refused = (host: MemoryHost, texts: GivenOptions["texts"], pattern: RegExp) =>
    rejects(() => counts(host, texts), texts.limit ? UsageError : DataError, pattern);
  await refused(
    hostWith({ "": 80 }),
    { batch: "128" },
    /^folder:\/p: 80 images: 8 test, 7 validation, 65 training, which do not fill a batch of 128; --batch 65 would fit$/,
  );
  const parts = { "test/": 10, "train/": 40, "val/": 6 };
  await refused(
    hostWith(parts),
    { batch: "41" },
    /: 56 images: 10 test, 6 validation, 40 training, .*; --batch 40 would fit$/,
  );
  await refused(
    hostWith(parts),
    { batch: "41", validation: "0" },
    /: 56 images: 10 test, 6 validation \(unused\), 40 training, /,
  );
  await refused(
    hostWith({ "": 80 }),
    { limit: "3" },
    /8 test, 7 validation, 3 training \(--limit\), .* batch of 4; --batch 3 would fit$/,
  );
  for (const dry of [{}, { "dry-run": "true" }] as const)
    await refused(
      hostWith({ "": 120 }),
      { validation: "107", batch: "4", ...dry },
      /: 120 images: 12 test, 107 validation, 1 training, which do not fill a batch of 4; --batch 1 /,
    );
});

test("early stopping wants validation images", async () => {
  const host = hostWith({ "": 2 });
  await rejects(() => counts(host, { patience: "1", batch: "1" }), UsageError, /--patience needs/);
});

test.run();
