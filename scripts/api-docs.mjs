/**
 * The API reference: a page for every export of every entry of package.json's `exports`, made from the
 * docstrings. What has no docstring, a link that leads nowhere and a type that is used and not exported
 * are errors.
 *
 *   node scripts/api-docs.mjs           # writes dist/web/api/
 *   node scripts/api-docs.mjs --check   # writes nothing
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, ReflectionKind } from "typedoc";
import { entries } from "./api-report.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Functions, methods, accessors and what classes hold that have no docstring: typedoc itself asks for it of all
 * members or of none. What a class has from another, or puts in the place of it, is said there.
 */
function withoutDocstring(project) {
  const { Function: fn, Method, Accessor, Property, Class } = ReflectionKind;
  return project
    .getReflectionsByKind(fn | Method | Accessor | Property)
    .filter(
      (each) =>
        !each.inheritedFrom &&
        !each.overwrites &&
        (!each.kindOf(Property) || each.parent.kindOf(Class)),
    )
    .flatMap((each) => {
      const { signatures, getSignature, setSignature } = each;
      const said = signatures ?? [getSignature, setSignature].filter(Boolean);
      const all = said.length > 0 ? said : [each];
      return all.filter((one) => !one.hasComment() && !each.hasComment());
    })
    .map((one) => one.getFullName());
}

/**
 * @returns whether there is nothing to complain of; complaints are on stderr
 */
export async function apiDocs({ write }) {
  const application = await Application.bootstrap({
    name: "latentgrad",
    entryPoints: entries().map(({ source }) => join(root, source)),
    tsconfig: join(root, "tsconfig.types.json"),
    out: join(root, "dist/web/api"),
    readme: join(root, "scripts/api-start.md"),
    // No address of a repository is known, and no time is written: the same sources give the same pages.
    disableSources: true,
    githubPages: false,
    navigation: { includeFolders: false },
    excludePrivate: true,
    excludeInternal: true,
    skipErrorChecking: true,
    sort: ["source-order"],
    validation: { invalidLink: true, invalidPath: true, notDocumented: true, notExported: true },
    requiredToBeDocumented: ["Class", "Interface", "TypeAlias", "Variable"],
    logLevel: "Warn",
  });
  const project = await application.convert();
  if (project) {
    application.validate(project);
    for (const name of withoutDocstring(project))
      application.logger.warn(`${name} has no docstring`);
    if (write) await application.generateOutputs(project);
  }
  const { logger } = application;
  return project !== undefined && !logger.hasErrors() && !logger.hasWarnings();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await apiDocs({ write: !process.argv.includes("--check") }))) process.exitCode = 1;
}
