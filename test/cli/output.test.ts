import { suite } from "uvu";
import * as assert from "uvu/assert";
import { errorLine, Output } from "../../src/cli/output.ts";
import { DataError, NonFiniteError, OutOfMemoryError } from "../../src/gpu/errors.ts";
import { unseen, visibleText } from "../../src/gpu/visible-text.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("output");

/** What a file may say in place of an adapter's name. */
const hostile =
  "a\u001b[2J\u001b]0;title\u0007\r\nrun /etc\tb\u009b31m\u202egnp.\u2066\u2028\u200f\u061c\ud800\ufdd0\u{e0041}z";
const shown =
  "a\\u001b[2J\\u001b]0;title\\u0007\\r\\nrun /etc\\tb\\u009b31m\\u202egnp.\\u2066\\u2028\\u200f\\u061c\\ud800\\ufdd0\\udb40\\udc41z";

async function printed(print: (output: Output) => void, terminal = false): Promise<MemoryHost> {
  const host = new MemoryHost({}, terminal);
  const output = new Output(host);
  print(output);
  await output.flush();
  return host;
}

test("whatever is printed is shown and not obeyed, and a line stays a line", async () => {
  assert.is((await printed((output) => output.data(hostile))).out, `${shown}\n`);
  assert.is((await printed((output) => output.error(hostile))).err, `${shown}\n`);
  assert.is((await printed((output) => output.progress(hostile))).err, `${shown}\n`);
  const lines = await printed((output) => output.table(`one\n\u001b[1mtwo\u0085`));
  assert.is(lines.out, "one\n\\u001b[1mtwo\\u0085\n");
  assert.is((await printed((output) => output.raw("help\n  \u0007\n"))).out, "help\n  \\u0007\n");
});

test("on a terminal only the program's own styles and the status line's place are sent", async () => {
  const styled = (text: string) => (output: Output) =>
    output.status(`${output.bold(text)} ${output.bar(1, 2)}`);
  const { err } = await printed(styled("\u001b[31mred\u001b[0m\n"), true);
  assert.is(
    err,
    "\r\u001b[2K\u001b[1m\\u001b[31mred\\u001b[0m\\n\u001b[22m \u001b[36m━\u001b[90m━\u001b[39m",
  );
});

test("JSON stays JSON and gives back what it was", async () => {
  const value = { adapter: hostile, list: [hostile] };
  const { out } = await printed((output) => output.json(value));
  assert.equal(JSON.parse(out), value);
  assert.not.match(out.replaceAll("\n", ""), unseen);
});

test("letters of all scripts, accents and pictures stay", () => {
  const text = "Ångström 模型 قطة הדגמה 👩‍🔬 résumé";
  assert.is(visibleText(text), text);
  // Joiners and selectors where they shape what is seen: an emoji of two, with a colour, a key; Persian
  // letters that do not join; a Hindi half letter.
  const shaped =
    "\u{1f469}\u{1f3fd}\u200d\u{1f52c} \u2764\ufe0f\u200d\u{1f525} 1\ufe0f\u20e3 \u0645\u06cc\u200c\u062e \u0915\u094d\u200d\u0937";
  assert.is(visibleText(shaped), shaped);
});

test("what is there without being seen is shown", () => {
  const ranges = [
    [0x200b, 0x200f], // zero-width spaces, joiners and marks
    [0x202a, 0x202e], // directions of writing
    [0x2060, 0x206f], // word joiner, invisible operators, isolates
    [0xad, 0xad], // soft hyphen
    [0x34f, 0x34f],
    [0x61c, 0x61c],
    [0x115f, 0x1160], // fillers
    [0x180b, 0x180f],
    [0x3164, 0x3164],
    [0xfe00, 0xfe0f], // selectors
    [0xfeff, 0xfeff],
    [0xfff9, 0xfffb],
    [0xe0001, 0xe007f], // tags
    [0xe0100, 0xe01ef],
  ] as const;
  for (const [first, last] of ranges)
    for (let code = first; code <= last; code++) {
      const c = String.fromCodePoint(code);
      const escaped = [...c.split("")]
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join("");
      for (const [before, after] of [
        ["run", "1"],
        ["", "run"],
        ["\u{1f469}", "x"], // no emoji follows
        ["\u0645", ""],
      ] as const) {
        if (c === "\ufe0f" && before.length === 2) continue;
        assert.is(
          visibleText(before + c + after),
          before + escaped + after,
          `U+${code.toString(16)}`,
        );
      }
      assert.is(visibleText(c + c), escaped + escaped);
    }
});

test("an error is one line of at most 300 characters that keeps both ends", () => {
  const shape = new Array(200_000).fill(1).join(", ");
  const message = errorLine(new DataError(`file.npy: shape [${shape}], expected 4 axes`));
  assert.ok(message.length <= 300);
  assert.match(message, /^file\.npy: shape \[1, 1.* … .*1\], expected 4 axes$/);
  assert.is(errorLine(new Error(`line\n  ${"x".repeat(1000)}`)).length, 300);
  assert.is(errorLine(new DataError("a\u001b[2J\nb")), "a\\u001b[2J b");
  // Paths of what was kept are no file's content.
  const kept = `${"x".repeat(400)}/last.safetensors holds step 5`;
  assert.match(new NonFiniteError("loss", 6, `it is NaN; ${kept}`).message, new RegExp(`${kept}$`));
  const emoji = new DataError("\u{1f600}".repeat(400)).message;
  assert.is(visibleText(emoji), emoji, "no half characters");
});

test("memory that is used up has a status of its own", () => {
  assert.is(new OutOfMemoryError("weight", 4, "the limit is 3").exitCode, 8);
});

test.run();
