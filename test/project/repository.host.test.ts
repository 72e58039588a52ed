/** What a stranger finds in the repository says the same as the package and runs what is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("the repository");
const manifest = JSON.parse(readFileSync("package.json", "utf8"));

test("CITATION.cff has the package's version, licence and keywords", () => {
  const text = readFileSync("CITATION.cff", "utf8");
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1];
  assert.is(field("version"), manifest.version);
  assert.is(field("license"), manifest.license);
  assert.is(field("title"), manifest.name);
  const keywords = [...text.matchAll(/^ {2}- (?!name:)(.*)$/gm)].map(([, keyword]) => keyword);
  assert.equal(keywords, manifest.keywords);
});

test("the workflow runs commands that are there", () => {
  for (const file of readdirSync(".github/workflows")) {
    const text = readFileSync(`.github/workflows/${file}`, "utf8");
    const commands = [...text.matchAll(/^\s*- run: (.*)$/gm)].map(
      ([, command]) => command as string,
    );
    assert.ok(commands.length > 0, file);
    for (const command of commands) {
      const [, script] = /^npm (?:run )?(test|check|test:long)$/.exec(command) ?? [];
      const [, folder = "."] = /^npm ci(?: --prefix (\S+))?$/.exec(command) ?? [];
      if (script) assert.ok(manifest.scripts[script], command);
      else
        assert.ok(
          command.startsWith("npm ci") && existsSync(`${folder}/package-lock.json`),
          command,
        );
    }
    // A pull request gets no more than it needs.
    assert.match(text, /^permissions:\n {2}contents: read$/m);
  }
});

test("no address and no name is invented", () => {
  for (const name of ["repository", "homepage", "bugs", "author", "contributors"])
    assert.is(manifest[name], undefined, name);
  for (const file of ["CITATION.cff", "SECURITY.md", ".github/ISSUE_TEMPLATE/bug.yml"])
    assert.not.match(readFileSync(file, "utf8"), /https?:\/\/|\S@\S/, file);
});

test.run();
