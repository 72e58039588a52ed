import { suite } from "uvu";
import { checkProgram, checkTextures } from "../support/check-program.ts";
import { testDevice } from "../support/device.ts";
import { forAll } from "../support/host.ts";
import { drafts } from "../support/random-programs.ts";

const test = suite("many random programs");

test("200 of them give recorded what they give op by op and in float64", async () => {
  const device = await testDevice();
  await forAll(drafts(12), (draft) => checkProgram(device, draft), 200);
});

test("100 of them give the same bits whatever they read through textures", async () => {
  const device = await testDevice();
  await forAll(drafts(12), (draft) => checkTextures(device, draft), 100);
});

test.run();
