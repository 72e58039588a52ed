import { suite } from "uvu";
import type { Device } from "../../src/gpu/device.ts";
import { checkPasses, checkProgram, checkTextures } from "../support/check-program.ts";
import { testDevice } from "../support/device.ts";
import { forAll } from "../support/host.ts";
import { drafts } from "../support/random-programs.ts";

const test = suite("random programs");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

test("recorded they give what they give op by op and in float64", () =>
  forAll(drafts(10), (draft) => checkProgram(device, draft), 4));

test("the bits do not depend on what is read through textures", () =>
  forAll(drafts(8), (draft) => checkTextures(device, draft), 4));

test("every pass makes what it reads", () =>
  forAll(drafts(14), (draft) => checkPasses(device, draft), 100));

test.run();
