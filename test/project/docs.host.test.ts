/** The documents name files, headings, commands and names of the code that exist, and quote the help as it is printed. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ladders } from "../../src/bench/ladders/registry.ts";
import { select } from "../../src/bench/run.ts";
import type { Actions } from "../../src/cli/actions.ts";
import { runCommand } from "../../src/cli/program.ts";
import { models } from "../../src/models/registry.ts";
import { namedSettings } from "../../src/settings/settings.ts";
import { emptyLadder, emptyListing, emptyReport } from "../support/bench-reports.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("documents");
const root = process.cwd();

interface Document {
  readonly path: string;
  readonly text: string;
  /** Without fenced blocks. */
  readonly prose: string;
  readonly blocks: readonly { readonly language: string; readonly text: string }[];
}

function read(path: string): Document {
  const text = readFileSync(join(root, path), "utf8");
  const fence = /^```(\w*)\n([\s\S]*?)^```$/gm;
  const blocks = [...text.matchAll(fence)].map((m) => ({ language: m[1]!, text: m[2]! }));
  return { path, text, prose: text.replace(fence, ""), blocks };
}

const documents = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  ...["docs", "docs/results"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
].map(read);

/** Names of the sections, as a page that shows the document links to them. */
function anchors(prose: string): Set<string> {
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map((m) => m[1]!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-"),
    ),
  );
}

for (const { path, prose } of documents) {
  test(`links of ${path} lead somewhere`, () => {
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [file, anchor] = target!.split("#") as [string, string?];
      const place = file === "" ? path : relative(root, join(root, dirname(path), file));
      assert.ok(existsSync(join(root, place)), `${path} links to ${target}`);
      if (anchor !== undefined) {
        const found = anchors(read(place).prose);
        assert.ok(found.has(anchor), `${path} links to ${target}; there are ${[...found]}`);
      }
    }
  });

  test(`files that ${path} names are there`, () => {
    const named =
      /`((?:src|shaders|test|docs|scripts|bench|bin|web)\/[\w./@-]*|package\.json|tsconfig\.json)`/g;
    for (const [, file] of prose.matchAll(named)) {
      const status = statSync(join(root, file!), { throwIfNoEntry: false });
      assert.ok(status, `${path} names ${file}`);
      assert.is(status.isDirectory(), !/\.\w+$/.test(file!), `${path} names ${file}`);
    }
  });
}

/** Words of code, without the lines and blocks that are comments: these outlive what they name. */
function wordsOf(code: string): string[] {
  const bare = code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return bare.match(/[\w$]+/g) ?? [];
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What is named by a word of code: that of this project and its tests, and the platform's declarations. */
function knownWords(): Set<string> {
  const ours = ["src", "shaders", "test", "bench", "web", "scripts", "bin", "docs/examples"]
    .flatMap(filesUnder)
    .filter((path) => /\.(ts|mjs|js|wgsl|py)$/.test(path) && !path.endsWith("docs.host.test.ts"));
  const platform = [
    ...filesUnder("node_modules/typescript/lib").filter((path) =>
      /[/\\]lib\.[\w.]+\.d\.ts$/.test(path),
    ),
    join(root, "node_modules/@webgpu/types/dist/index.d.ts"),
  ];
  return new Set([...ours, ...platform].flatMap((path) => wordsOf(readFileSync(path, "utf8"))));
}

/**
 * Names of code in a document's backticks. To cry wolf at no plain word, it looks at two kinds alone: words
 * with a capital inside (`batchNorm`, `BatchNorm`), where what stands in the backticks is one name, with dots
 * or a call (`device.emit(call)`), and variables of the environment that are ours. A name of one small word
 * is checked where a link to its file stands before it.
 */
function codeNames(prose: string): string[] {
  return [...prose.matchAll(/`([\w$]+(?:\.[\w$]+)*(?:\([^`]*\))?|LATENTGRAD_\w+[^`]*)`/g)].flatMap(
    ([, span]) =>
      (span!.match(/[\w$]+/g) ?? []).filter(
        (word) =>
          (/[a-z0-9][A-Z]/.test(word) && /[a-z]/.test(word)) || word.startsWith("LATENTGRAD_"),
      ),
  );
}

/** Names behind a link to a source: [conv2d.ts](../src/autograd/ops/conv2d.ts) `forward`. */
function linkedNames(prose: string): { file: string; name: string }[] {
  const links = /\]\(([\w./-]+\.(?:ts|wgsl))\)((?:,? `\w+`)+)/g;
  return [...prose.matchAll(links)].flatMap(([, file, names]) =>
    [...names!.matchAll(/\w+/g)].map(([name]) => ({ file: file!, name })),
  );
}

test("what documents name of the code is there", () => {
  const known = knownWords();
  const found = new Set<string>();
  const gone: string[] = [];
  // The changelog names what was, too.
  for (const { path, prose } of documents.filter(({ path }) => path !== "CHANGELOG.md")) {
    for (const name of codeNames(prose)) {
      found.add(name);
      if (!known.has(name)) gone.push(`${path} names ${name}`);
    }
    for (const { file, name } of linkedNames(prose)) {
      const words = wordsOf(readFileSync(join(root, dirname(path), file), "utf8"));
      if (!words.includes(name)) gone.push(`${path} names ${name} in ${file}`);
    }
  }
  assert.equal(gone, []);
  // And the rule sees something.
  assert.ok(found.size > 100, `${found.size} names`);
  assert.equal(codeNames("`conv2dCall`, `a.fromB(c)`, `MxN-kK`, `LATENTGRAD_X=1`, plain `words`"), [
    "conv2dCall",
    "fromB",
    "LATENTGRAD_X",
  ]);
  assert.equal(linkedNames("[x](../src/x.ts) `one`, `two` and `three`"), [
    { file: "../src/x.ts", name: "one" },
    { file: "../src/x.ts", name: "two" },
  ]);
});

/** Commands in fenced blocks, with or without a prompt or `npx`. */
function commandsOf(prefix: RegExp): { path: string; line: string }[] {
  return documents.flatMap(({ path, blocks }) =>
    blocks.flatMap(({ text }) =>
      text
        .replace(/ \\\n\s*/g, " ")
        .split("\n")
        .filter((line) => prefix.test(line))
        .map((line) => ({ path, line: line.replace(prefix, "").replace(/\s+#.*$/, "") })),
    ),
  );
}

const figure = "figure.png";
const actions: Actions = {
  train: async ({ out }) => ({
    ...{ out, figures: [], adapter: "", seconds: 1, epochs: 1, steps: 1, ending: "all epochs" },
  }),
  evaluate: async () => ({ metrics: {}, checkpoint: { name: "best", epoch: 1, step: 1 } }),
  report: async () => ({ report: "report.html", figures: [] }),
  sample: async () => ({ figure }),
  reconstruct: async () => ({
    ...{ figure, reconstruction: 0, kl: 0, sd: { reconstruction: 0, kl: 0 }, n: 1 },
  }),
  interpolate: async () => ({ figure }),
  manifold: async () => ({ figure }),
  traverse: async () => ({ figure, dimensions: [] }),
  embed: async () => ({ figure, n: 1, axes: [] }),
  swap: async () => ({ figure }),
  exportRun: async () => {
    const nothing = { file: "", inputs: [], outputs: [] };
    return { format: "onnx", opset: 13, encoder: nothing, decoder: nothing };
  },
  examine: async () => ({
    examination: {
      ...{ version: "", installed: [], dataFolder: "", datasets: [], environment: {}, advice: [] },
      runtime: { runtime: "node", version: "", system: "", threads: 1 },
    },
  }),
  bench: async ({ filter }) => {
    select(filter);
    return emptyReport;
  },
  benchWithPeers: async () => emptyReport,
  serveBenchPage: async () => ({ url: "http://127.0.0.1/", closed: Promise.resolve() }),
  benchProgram: async () => emptyListing,
  benchLadder: async (name) => {
    assert.ok(Object.hasOwn(ladders, name), name);
    return emptyLadder;
  },
  benchKernel: async () => ({ ...emptyReport, comparisons: [] }),
  tune: async () => ({
    ...{ adapter: "an adapter", runtime: "node", known: [], tuned: [], skipped: [], choices: {} },
    path: "a.json",
  }),
  models,
};

/** The configuration of a run that `--resume` goes on with. */
const begunRun = JSON.stringify({
  model: "vae",
  data: "mnist",
  run: { image: { height: 28, width: 28, channels: 1 } },
});

test("commands are understood", async () => {
  const commands = commandsOf(/^\s*(?:\$ )?(?:npx )?latentgrad (?=[a-z-])/);
  assert.ok(commands.length > 20);
  for (const { path, line } of commands) {
    const host = new MemoryHost();
    const moved = begunRun.replace("mnist", "folder:/old/cats");
    if (line.includes("--resume")) host.put("runs/vae-mnist/config.json", begunRun);
    if (line.includes("--resume")) host.put("runs/vae-folder-cats/config.json", moved);
    if (line.includes("--config")) host.put("runs/OLD/config.json", begunRun);
    const status = await runCommand(line.split(/\s+/).filter(Boolean), host, actions);
    assert.is(status, 0, `${path}: latentgrad ${line}: ${host.err}`);
  }
});

test("npm scripts are there", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/npm run ([\w:-]+)/g)].map((m) => ({ path, name: m[1]! })),
  );
  assert.ok(named.length > 0);
  for (const { path, name } of named) assert.ok(scripts[name], `${path}: npm run ${name}`);
});

test("docs/commands.md shows the help of every command as it is printed", async () => {
  const { blocks } = documents.find(({ path }) => path === "docs/commands.md")!;
  const shown = new Map(
    blocks.flatMap(({ text }) => {
      const match = text.match(/^\$ latentgrad (.*--help)\n([\s\S]*)$/);
      return match ? [[match[1]!, match[2]!] as const] : [];
    }),
  );
  const help = async (line: string): Promise<string> => {
    const host = new MemoryHost({ COLUMNS: "100" });
    await runCommand(line.split(" "), host, actions);
    return host.out;
  };
  const overview = await help("--help");
  const list = overview.match(/^Commands:\n((?: {2}.*\n)+)/m)![1]!;
  const names = [...list.matchAll(/^ {2}(\w+)/gm)].map((m) => m[1]!);
  const lines = ["--help", ...names.filter((n) => n !== "help").map((name) => `${name} --help`)];
  assert.equal([...shown.keys()].sort(), lines.sort());
  for (const line of lines) assert.fixture(await help(line), shown.get(line)!, line);
});

test("docs/models.md lists the settings of every model with their defaults", () => {
  const { text } = documents.find(({ path }) => path === "docs/models.md")!;
  for (const model of models) {
    assert.ok(text.includes(`## \`${model.name}\``), model.name);
    for (const { option, preset } of namedSettings(model)) {
      const row = new RegExp(`^\\| \`${option}\` \\| \`?${preset}\`? \\|`, "m");
      assert.match(text, row, `${model.name}: ${option} = ${preset}`);
    }
  }
});

test("docs/tour.md names every shader, every kernel file and every file of ops", () => {
  const { text } = documents.find(({ path }) => path === "docs/tour.md")!;
  const list = (folder: string, ending: string) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(ending))
      .map((name) => `${folder}/${name}`);
  const files = [
    ...list("shaders", ".wgsl"),
    ...list("src/kernels", ".ts"),
    ...list("src/autograd/ops", ".ts"),
  ];
  for (const file of files) assert.ok(text.includes(`](../${file})`), `${file} is not in the tour`);
});

test.run();
