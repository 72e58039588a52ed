import { suite } from "uvu";
import * as assert from "uvu/assert";
import { didYouMean, editDistance, nearest } from "../../src/gpu/suggest.ts";

const test = suite("suggest");

test("counts insertions, deletions, substitutions and swaps", () => {
  for (const [a, b, distance] of [
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["tarin", "train", 1],
    ["mnist", "mnist", 0],
  ] as const) {
    assert.is(editDistance(a, b), distance);
    assert.is(editDistance(b, a), distance);
  }
});

test("suggests what is near and nothing else", () => {
  const names = ["glyphs", "mnist", "fashion-mnist"];
  assert.is(nearest("minst", names), "mnist");
  assert.is(nearest("fashion", names), "fashion-mnist");
  assert.is(nearest("fasion-mnist", names), "fashion-mnist");
  assert.is(nearest("GLYPH", names), "glyphs");
  assert.is(nearest("imagenet", names), undefined);
  assert.is(didYouMean("minst", names), " (did you mean mnist?)");
  assert.is(didYouMean("zzz", names), "");
});

test.run();
