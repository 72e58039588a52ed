import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Output, styleMarks } from "../../src/cli/output.ts";
import { clock, epochLine, ProgressView, progressBar } from "../../src/cli/progress.ts";
import type { Progress } from "../../src/train/pace.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("progress");

const progress: Progress = {
  phase: "training",
  epoch: 2,
  epochs: 5,
  step: 63,
  steps: 100,
  imagesPerSecond: 1204.4,
  secondsLeft: 83,
  secondsLeftInAll: 485,
  terms: { loss: 163.214, reconstruction: 158.1, kl: 5.11 },
};

const plain = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
  text.replace(/\u001b\[[0-9;]*m/g, "").replace(styleMarks, "");
const bar = (columns: number, change: Partial<Progress> = {}, env = {}) =>
  progressBar({ ...progress, ...change }, columns, new Output(new MemoryHost(env, true)));

test("shows share, remaining time, speed and every loss term where there is room", () => {
  assert.is(
    plain(bar(140)),
    `epoch 2/5 ${"━".repeat(24)}   63 %  ETA 1:23 (8:05 in all)  1204 images/s  loss 163.21  reconstruction 158.10  kl 5.11`,
  );
  assert.match(bar(140, {}, { NO_COLOR: "1" }), /^epoch 2\/5 #{15}-{9} {3}63 %/);
  assert.not.match(bar(140, { epoch: 5 }), /in all/);
  assert.match(plain(bar(140, { phase: "validation" })), /63 % {2}validating {2}loss/);
});

test("never wraps: the bar gives way, then the last words", () => {
  for (let columns = 20; columns < 160; columns++)
    assert.ok(plain(bar(columns)).length < Math.max(columns, 19), `${columns} columns`);
  assert.match(plain(bar(112)), /kl 5\.11$/);
  assert.match(plain(bar(90)), /loss 163\.21$/);
});

test("says nothing of time and speed that are not known yet", () => {
  const unknown = {
    imagesPerSecond: undefined,
    secondsLeft: undefined,
    secondsLeftInAll: undefined,
  };
  assert.match(plain(bar(140, unknown)), / 63 % {2}loss 163\.21 {2}reconstruction/);
});

test("the line of an epoch fits: loss, validation and time come first", () => {
  const train = Object.fromEntries(
    [
      "loss",
      "reconstruction",
      "kl",
      "total-correlation",
      "discriminator",
      "critic",
      "gradient",
    ].map((name, i) => [name, 12345.678 / 2 ** i]),
  );
  const report = {
    ...{ epoch: 999, epochs: 1000, steps: 70, seconds: 1234.5, imagesPerSecond: 242, train },
    validation: { loss: 12340.12 },
    best: true,
  };
  const line = (columns: number) => epochLine(report, columns, { bold: (text) => text });
  for (let columns = 20; columns < 200; columns++)
    assert.ok(line(columns).length < columns, `${columns} columns`);
  assert.is(line(80), "epoch 999/1000  loss 12345.68  val 12340.12 best  1234.5 s");
  assert.match(line(120), /1234\.5 s {2}reconstruction 6172\.84 {2}kl 3086\.42$/);
  assert.match(line(200), /gradient 192\.90 {2}242 images\/s$/);
});

test("a training says at its beginning what it does", async () => {
  const begin = async (host: MemoryHost) => {
    const output = new Output(host);
    const view = new ProgressView(output, host.stderrIsTerminal, () => 80);
    view.start({
      ...{ model: "vae", data: "glyphs", out: "runs/vae-glyphs" },
      ...{ training: 9000, validation: 0, test: 2000, batch: 128, epochs: 1, steps: 70 },
    });
    view.machine({ parameters: 134165, adapter: "llvmpipe", runtime: "deno" });
    view.phase("compiling");
    view.phase("drawing figures");
    output.error("done");
    await output.flush();
    return plain(host.err);
  };
  const lines = [
    "vae on glyphs, kept in runs/vae-glyphs",
    "9,000 training, no validation and 2,000 test images; batch size 128, 1 epoch of 70 steps",
    "134,165 parameters, on llvmpipe (deno)",
  ];
  const phases = ["compiling kernels …", "drawing figures …"];
  assert.is(await begin(new MemoryHost()), [...lines, ...phases, "done", ""].join("\n"));
  const erase = "\r\u001b[2K";
  const drawn = `${phases.map((phase) => erase + phase).join("")}${erase}done\n`;
  assert.is(await begin(new MemoryHost({}, true)), `${lines.join("\n")}\n${drawn}`);
});

test("a terminal gets one line that is written over, a log gets lines", async () => {
  const terminal = new MemoryHost({}, true);
  const output = new Output(terminal);
  const view = new ProgressView(output, true, () => 80);
  view.show(progress);
  view.show({ ...progress, step: 64 });
  view.epoch({
    ...{ epoch: 2, epochs: 5, steps: 100, seconds: 1, imagesPerSecond: 9, best: false },
    train: { loss: 1 },
  });
  await output.flush();
  const lines = terminal.err.split("\n");
  assert.is(lines.length, 2, "one finished line");
  assert.is(lines[0]!.split("\r\u001b[2K").length, 4, "two states, erased by a third");
  assert.match(plain(lines[0]!), /epoch 2\/5 {2}loss 1\.00 {2}1\.0 s {2}9\.0 images\/s$/);

  const log = new MemoryHost();
  const plainOutput = new Output(log);
  const lineView = new ProgressView(plainOutput, false, () => 80);
  for (let i = 0; i < 10; i++) lineView.show(progress);
  await plainOutput.flush();
  assert.is(log.err, "", "no line more often than every 30 seconds");
});

test("--quiet shows no bar", async () => {
  const host = new MemoryHost({}, true);
  const output = new Output(host);
  output.quiet = true;
  output.status("bar");
  output.error("an error");
  await output.flush();
  assert.is(host.err, "an error\n");
});

test("times are read like a clock's", () => {
  assert.equal([0, 7.4, 83, 7510, Number.NaN].map(clock), ["0:00", "0:07", "1:23", "2:05:10", "–"]);
});

test.run();
