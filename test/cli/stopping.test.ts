import { suite } from "uvu";
import * as assert from "uvu/assert";
import { StopAnswer, stopping } from "../../src/cli/stopping.ts";

const test = suite("the answer to Ctrl-C");

const pause = () => new Promise((resolve) => setTimeout(resolve, 30));

/** What is written of these signals; the work ends at once or never. */
async function written(argv: string, signals: number, endsAtOnce = false): Promise<string[]> {
  const lines: string[] = [];
  const answer = new StopAnswer(argv.split(" "), (line) => lines.push(line), 5);
  for (let i = 0; i < signals; i++) answer.signalled();
  if (endsAtOnce) answer.ended();
  await pause();
  return lines;
}

test("a training is said to stop, once", async () => {
  assert.equal(await written("train vae", 0), []);
  assert.equal(await written("train vae", 1), [stopping]);
  assert.equal(await written("demo", 3), [stopping]);
});

test("nothing is said of what ends at once, saves nothing or is to be quiet", async () => {
  assert.equal(await written("train vae", 1, true), []);
  assert.equal(await written("sample runs/vae", 1), []);
  assert.equal(await written("train vae --quiet", 1), []);
});

test.run();
