/** The server of the benchmark's page. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveBenchPage } from "../support/bench-page.ts";
import { start } from "../support/command.ts";

const test = suite("the benchmark's page");

test("is on 127.0.0.1 alone, ends with status 130, and says when its port is taken", async () => {
  const { running, url } = await serveBenchPage("0");
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
  const { port, origin } = new URL(url);
  const answers = await Promise.all(
    [url, `${url}main.js`, `${url}style.css`, origin, `${origin}/main.js`].map(
      async (address) => (await fetch(address)).status,
    ),
  );
  assert.equal(answers, [200, 200, 200, 404, 404]);
  const call = await fetch(`${url}call`, { method: "POST" });
  assert.is(call.status, 404, "it does nothing for a page");
  const second = await start(["bench", "--page", "--port", port]).ended;
  assert.is(second.status, 7);
  assert.is(
    second.stderr,
    `latentgrad: cannot serve on port ${port} of 127.0.0.1: another process has it\n`,
  );
  running.child.kill("SIGINT");
  const { status, stderr } = await running.ended;
  assert.is(status, 130);
  assert.match(stderr, /^latentgrad: interrupted$/m);
});

test.run();
