/** Eight processes at once, many times: exactly one holds the lock, whatever is there and whoever is killed. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { leftovers, roundFolder, type Starters, startStarters } from "../support/lock-campaign.ts";
import { skip } from "../support/skip.ts";

interface Context {
  base: string;
  starters: Starters;
}

const test = suite<Context>("lock campaign");
const STARTERS = 8;
const ROUNDS = 50;

test.before(async (context) => {
  const cache = join(process.cwd(), "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  context.base = mkdtempSync(join(cache, "lock-campaign-"));
  context.starters = await startStarters(context.base, STARTERS);
});

test.after(({ base, starters }) => {
  starters.close();
  rmSync(base, { recursive: true, force: true });
});

const holders = (said: readonly string[]) => said.filter((word) => word === "held").length;

for (const [kind, leave] of Object.entries(leftovers))
  test(`${STARTERS} processes, ${ROUNDS} rounds, where there was ${kind}`, async ({
    base,
    starters,
  }) => {
    if (process.platform === "win32") return skip("pipes and links are other things there");
    for (let round = 0; round < ROUNDS; round++) {
      const { path, remove } = roundFolder(base);
      await leave(path);
      const said = await starters.ask(path);
      assert.is(holders(said), 1, `round ${round}: ${said.join("\n")}`);
      await starters.letGo();
      assert.not.ok(existsSync(path));
      remove();
    }
  });

test(`${STARTERS} processes, ${2 * ROUNDS} rounds, in each of which some are killed while they ask`, async ({
  base,
  starters,
}) => {
  const { path, remove } = roundFolder(base);
  for (let round = 0; round < 2 * ROUNDS; round++) {
    // Between 15 and 65 ms after the call, which is about when they link, look, remove and tidy up.
    const said = await starters.askAndKill(path, 3, () => 15 + 50 * Math.random());
    assert.ok(holders(said) <= 1, `round ${round}: ${said.join("\n")}`);
    await starters.killHolders(said);
    const then = await starters.ask(path);
    assert.is(holders(then), 1, `round ${round}, afterwards: ${then.join("\n")}`);
    await starters.killHolders(then);
  }
  remove();
});

test.run();
