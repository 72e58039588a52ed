import { suite } from "uvu";
import * as assert from "uvu/assert";
import { afterFailure, withCleanUp } from "../../src/gpu/clean-up.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("clean-up");

const fail = (words: string) => () => {
  throw new Error(words);
};

test("the first failure is the one that is thrown, and the clean-up is done in each case", async () => {
  let cleaned = 0;
  const clean = () => cleaned++;
  assert.is(await withCleanUp(() => 5, clean), 5);
  await rejects(() => withCleanUp(fail("first"), clean), Error, /^first$/);
  assert.is(cleaned, 2);
  await rejects(() => withCleanUp(fail("first"), fail("second")), Error, /^first$/);
  await rejects(() => withCleanUp(fail("first"), async () => fail("second")()), Error, /^first$/);
  await rejects(() => withCleanUp(() => 5, fail("second")), Error, /^second$/);
  await afterFailure(fail("second"));
});

test.run();
