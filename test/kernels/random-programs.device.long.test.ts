import { suite } from "uvu";
import { checkProgram } from "../support/check-program.ts";
import { testDevice } from "../support/device.ts";
import { forAll } from "../support/host.ts";
import { drafts } from "../support/random-programs.ts";

const test = suite("many random programs");

test("200 of them give recorded what they give op by op and in float64", async () => {
  const device = await testDevice();
  await forAll(drafts(12), (draft) => checkProgram(device, draft), 200);
});

test.run();
