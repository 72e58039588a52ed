import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError } from "../../src/gpu/errors.ts";
import { readRunConfig } from "../../src/train/open-run.ts";
import { loadRunData } from "../../src/train/run-data.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { type Texts, trainInMemory } from "../support/training.ts";

const test = suite("training on own pictures");

/** Transparent pictures of two classes and many sizes, with ink that says which. */
function hostWithPictures(): MemoryHost {
  const host = new MemoryHost();
  for (let i = 0; i < 24; i++) {
    const [width, height] = [5 + (i % 4), 6 + (i % 3)];
    const pixels = Uint8Array.from({ length: 4 * width * height }, (_, at) =>
      at % 4 === 3 ? 255 * Number(at % 3 === i % 3) : 40 * (at % 4),
    );
    host.putPicture(`/p/${i % 2}/${10 + i}.png`, { width, height, channels: 4, pixels });
  }
  return host;
}

const options: Texts = {
  data: "folder:/p",
  size: "4x5",
  grey: "true",
  background: "white",
  overfit: undefined,
  validation: "4",
  batch: "4",
  epochs: "1",
};

test("size, grey, background and validation are kept, and used again", async () => {
  const host = hostWithPictures();
  await trainInMemory(host, options);
  const written = JSON.parse(host.text("r/config.json")) as Record<string, unknown>;
  const { size, grey, background, validation, run } = written;
  assert.equal([size, grey, background, validation], ["4x5", true, "#ffffff", 4]);
  assert.equal((run as { image: object }).image, { height: 4, width: 5, channels: 1 });
  const config = await readRunConfig(await RunFolder.open("r", host));
  const data = await loadRunData(config, host);
  assert.equal([data.height, data.width, data.channels, data.test.count], [4, 5, 1, 2]);
  const mean = Array.from(data.test.images).reduce((sum, value) => sum + value, 0) / 40;
  assert.ok(mean > 128, `two thirds are white ground, and the mean is ${mean}`);
  const resume = (texts: Texts) =>
    trainInMemory(host, { ...options, resume: "true", epochs: "2", ...texts });
  const changed = host.pictures.get("/p/0/10.png")!;
  const pixels = changed.pixels.map((value) => 255 - value);
  host.pictures.set("/p/0/10.png", { ...changed, pixels });
  await rejects(() => resume({}), DataError, /the data are not those it had|other content/);
  host.pictures.set("/p/0/10.png", changed);
  assert.is((await resume({})).epochs, 2);
});

test.run();
