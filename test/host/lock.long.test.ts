/**
 * Eight processes at once, again and again: exactly one holds the lock, whatever is there and whoever is
 * killed. A few rounds of each kind; LATENTGRAD_CAMPAIGN=50 makes so many, which takes about a quarter of an
 * hour.
 */
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
const ROUNDS = Number(process.env.LATENTGRAD_CAMPAIGN ?? 5);

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

const tell = (line: string) => {
  if (process.env.LATENTGRAD_CAMPAIGN) console.log(line);
};

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
    tell(`${ROUNDS} rounds of ${STARTERS} where there was ${kind}: 1 holder in each`);
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
  tell(`${2 * ROUNDS} rounds of ${STARTERS} with 3 killed meanwhile: 1 holder afterwards in each`);
  remove();
});

test.run();
