import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { tableRows } from "../support/accuracy.ts";

const test = suite("docs/numerics.md");

test("states the bounds that are tested, and measured errors within them", () => {
  const text = readFileSync("docs/numerics.md", "utf8");
  const [, table = ""] = text.match(/<!-- accuracy -->\n([\s\S]*?)<!-- accuracy: end -->/) ?? [];
  const [head = "", , ...rows] = table.trim().split("\n");
  const adapters = head.split("|").slice(5, -1);
  assert.ok(adapters.length >= 2, head);
  const tested = tableRows();
  assert.is(rows.length, tested.length);
  for (const [k, { heads, bounds }] of tested.entries()) {
    const row = rows[k] as string;
    assert.ok(row.startsWith(heads), `${row}\nis not\n${heads}`);
    const cells = row.slice(heads.length).split("|").slice(0, -1);
    assert.is(cells.length, adapters.length, row);
    for (const cell of cells)
      assert.ok(Number(cell.trim().replace("−", "-")) <= (bounds[0]?.bound ?? 0), row);
  }
});

test.run();
