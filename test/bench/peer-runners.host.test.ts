/** Engines in processes of their own, and what becomes of those that end, hang or never start. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PatientRunner } from "../../bench/peers/patience.ts";
import { ProcessRunner } from "../../bench/peers/process-runner.ts";
import type { Runner } from "../../bench/peers/protocol.ts";

const test = suite("engines' processes");

/** A process of Node that runs these lines of JavaScript. */
function start(...lines: string[]): ProcessRunner {
  const args = ["-e", lines.join("\n")];
  return new ProcessRunner("peer", { command: process.execPath, args, env: process.env });
}

/** Answers each question with what the expression gives. */
const answering = (expression: string) =>
  `require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const asked = JSON.parse(line);
    console.log("@bench " + JSON.stringify(${expression}));
  });`;

async function failure(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
  } catch (error) {
    return (error as Error).message;
  }
  return "no failure";
}

const QUESTION = { ask: "read" } as const;

test("a process answers, whatever else it prints", async () => {
  const runner = start('console.log("hello")', answering('{ ms: 1, values: asked.ask + "!" }'));
  assert.equal(await runner.ask(QUESTION), { ms: 1, values: "read!" });
  assert.equal(await runner.ask(QUESTION), { ms: 1, values: "read!" });
  await runner.close();
  assert.is(await failure(runner.ask(QUESTION)), "peer ended with status 137");
});

test("what a process says went wrong fails the question, and only that one", async () => {
  const runner = start(answering('asked.ask === "read" ? { error: "no memory" } : { ms: 2 }'));
  assert.is(await failure(runner.ask(QUESTION)), "peer: no memory");
  assert.equal(await runner.ask({ ask: "open" }), { ms: 2 });
  await runner.close();
});

test("an answer that is no JSON fails the question", async () => {
  const runner = start("console.log('@bench { loss: NaN }');", "setInterval(() => {}, 1000);");
  const words = "peer: gave an answer that is no JSON: @bench { loss: NaN }";
  assert.is(await failure(runner.ask(QUESTION)), words);
  await runner.close();
});

test("every process has an empty folder for compiled shaders, which goes with it", async () => {
  const variable = "process.env.MESA_SHADER_CACHE_DIR";
  const runners = [1, 2].map(() => start(answering(`{ values: ${variable} }`)));
  const folders: string[] = [];
  for (const runner of runners) folders.push((await runner.ask(QUESTION)).values);
  assert.is(new Set(folders).size, 2);
  for (const folder of folders) assert.equal(readdirSync(folder), []);
  for (const folder of folders) writeFileSync(join(folder, "shader"), "compiled");
  for (const runner of runners) await runner.close();
  for (const folder of folders) assert.not(existsSync(folder));
});

test("a program that is not there fails the question", async () => {
  const runner = new ProcessRunner("peer", { command: "/no/such/program", args: [], env: {} });
  const first = await failure(runner.ask(QUESTION));
  assert.match(first, /^peer does not start: spawn \/no\/such\/program ENOENT/);
  assert.match(await failure(runner.ask(QUESTION)), /^peer does not start/);
  await runner.close();
  await runner.close();
});

test("a process that ends fails the question with its status and last words", async () => {
  const runner = start('console.error("out of memory"); process.exitCode = 3;');
  assert.match(await failure(runner.ask(QUESTION)), /^peer ended with status 3(\nout of memory)?$/);
  await runner.close();
});

test("a process that takes no more questions is ended", async () => {
  const runner = start(
    'const fs = require("node:fs");',
    "fs.readSync(0, Buffer.alloc(1000));",
    "fs.closeSync(0);",
    "console.log('@bench {}');",
    "setInterval(() => {}, 1000);",
  );
  assert.equal(await runner.ask(QUESTION), {});
  assert.is(await failure(runner.ask(QUESTION)), "peer ended with status 137");
  await runner.close();
});

test("a side that does not answer in time is closed and asked no more", async () => {
  let [asked, closed] = [0, 0];
  const silent: Runner = {
    ask() {
      asked++;
      return new Promise<never>(() => {});
    },
    async close() {
      closed++;
    },
  };
  const runner = new PatientRunner("peer", silent, 20);
  for (let again = 0; again < 2; again++)
    assert.is(await failure(runner.ask(QUESTION)), 'peer gave no answer to "read" in 0.02 s');
  assert.equal([asked, closed], [1, 1]);
});

test("a process that hangs is ended; one in time is not", async () => {
  const hanging = new PatientRunner("peer", start("setInterval(() => {}, 1000)"), 200);
  assert.match(await failure(hanging.ask(QUESTION)), /^peer gave no answer/);
  await hanging.close();
  const prompt = new PatientRunner("peer", start(answering("{ ms: 1 }")), 20_000);
  assert.equal(await prompt.ask(QUESTION), { ms: 1 });
  await prompt.close();
});

test.run();
