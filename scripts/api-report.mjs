/**
 * The package's public interface as text: api/ENTRY.md has every export of an entry of package.json's
 * `exports` with its declaration, so that a change of it is seen in a diff.
 *
 *   node scripts/api-report.mjs           # writes the reports anew
 *   node scripts/api-report.mjs --check   # fails where one is not as the sources are
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = "api";

/** The entries with types: what is imported, and the declaration file that stands for it. */
export function entries() {
  const { name, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([, target]) => target.types)
    .map(([path, { types }]) => ({
      specifier: path === "." ? name : `${name}${path.slice(1)}`,
      declarations: join(root, types),
      source: types.replace(/^\.\/dist\/types\//, "").replace(/\.d\.ts$/, ".ts"),
    }));
}

/** The declarations of all sources, as the build emits them but without comments: path → text. */
function emitDeclarations(sources) {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.types.json"),
    { removeComments: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (found) => fail([found]) },
  );
  const program = ts.createProgram(
    [...new Set([...config.fileNames, ...sources.map((source) => join(root, source))])],
    config.options,
  );
  const files = new Map();
  const { diagnostics } = program.emit(undefined, (path, text) => files.set(path, text));
  if (diagnostics.length > 0) fail(diagnostics);
  return { files, options: config.options };
}

function fail(diagnostics) {
  const host = {
    getCurrentDirectory: () => root,
    getNewLine: () => "\n",
    getCanonicalFileName: (name) => name,
  };
  throw new Error(ts.formatDiagnostics(diagnostics, host));
}

/** A program of the declarations alone, read from memory. */
function programOf(files, options, roots) {
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  return ts.createProgram(roots, options, {
    ...host,
    readFile: (path) => files.get(path) ?? readFile(path),
    fileExists: (path) => files.has(path) || fileExists(path),
    directoryExists: undefined, // where nothing is built, the folders are in memory, too
    getSourceFile(path, target) {
      const text = files.get(path) ?? readFile(path);
      return text === undefined ? undefined : ts.createSourceFile(path, text, target, true);
    },
  });
}

const isPrivate = (member) =>
  ts.getModifiers(member)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ||
  (member.name && ts.isPrivateIdentifier(member.name));

const expanded =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.MultilineObjectLiterals |
  ts.TypeFormatFlags.InTypeAlias;

/** A declaration as it stands; of a class without what is private, of `typeof table` what the table has. */
function textOf(declaration, checker) {
  if (ts.isTypeAliasDeclaration(declaration) && ts.isTypeQueryNode(declaration.type)) {
    const type = checker.getTypeAtLocation(declaration.name);
    const text = checker.typeToString(type, undefined, expanded).replace(/([{;]) {4}/g, "$1\n    ");
    return `type ${declaration.name.text} = ${text.replace(/;}$/, ";\n}")};`;
  }
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const plain = (text) => text.replace(/^(export )?(declare )?/, "");
  if (!ts.isClassDeclaration(node)) return plain(node.getText());
  const members = node.members.filter((member) => !isPrivate(member));
  const head = node.getText().slice(0, node.members.pos - node.getStart());
  return `${plain(head)}\n${members.map((m) => `    ${m.getText()}\n`).join("")}}`;
}

/** specifier → text of its report. */
export function apiReports() {
  const all = entries();
  const { files, options } = emitDeclarations(all.map(({ source }) => source));
  const program = programOf(
    files,
    options,
    all.map(({ declarations }) => declarations),
  );
  const checker = program.getTypeChecker();
  return all.map(({ specifier, declarations }) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(declarations));
    const symbols = checker.getExportsOfModule(module).map((symbol) => ({
      name: symbol.name,
      texts: (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
        .getDeclarations()
        .map((declaration) => textOf(declaration, checker)),
    }));
    symbols.sort((a, b) => (a.name < b.name ? -1 : 1));
    const blocks = symbols.map(
      ({ name, texts }) => `## ${name}\n\n\`\`\`ts\n${texts.join("\n")}\n\`\`\`\n`,
    );
    const head = `# ${specifier}\n\nEvery export with its declaration. Written by \`npm run api\`; the check fails where it is not as the sources are.\n`;
    return { file: `${specifier.replaceAll("/", "-")}.md`, text: [head, ...blocks].join("\n") };
  });
}

/** What is not as the sources are: the names of reports that are stale, missing or left over. */
export function staleReports(reports) {
  const path = (file) => join(root, folder, file);
  const changed = reports.filter(
    ({ file, text }) => !existsSync(path(file)) || readFileSync(path(file), "utf8") !== text,
  );
  const known = new Set(reports.map(({ file }) => file));
  const left = (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []).filter(
    (file) => !known.has(file),
  );
  return [...changed.map(({ file }) => file), ...left].sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const reports = apiReports();
  const stale = staleReports(reports);
  if (process.argv.includes("--check")) {
    if (stale.length > 0) {
      const names = stale.map((file) => `${folder}/${file}`).join(", ");
      console.error(`${names}: not as the sources are; npm run api writes them anew`);
      process.exitCode = 1;
    }
  } else {
    mkdirSync(join(root, folder), { recursive: true });
    for (const file of stale) rmSync(join(root, folder, file), { force: true });
    for (const { file, text } of reports) writeFileSync(join(root, folder, file), text);
    console.log(stale.length > 0 ? `wrote ${stale.join(", ")}` : "nothing has changed");
  }
}
