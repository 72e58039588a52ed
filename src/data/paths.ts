/** Joins with "/", which every runtime takes on every system; an absolute last part stands alone. */
export function joinPath(first: string, ...rest: readonly string[]): string {
  return rest.reduce((path, part) => {
    if (path === "" || isAbsolute(part)) return part;
    return path.endsWith("/") || path.endsWith("\\") ? path + part : `${path}/${part}`;
  }, first);
}

/** A path and the folders above it that it names, the innermost first. */
export function withParents(path: string): string[] {
  const paths: string[] = [];
  for (let at = path.replace(/[/\\]+$/, ""); at !== "" && !/^[A-Za-z]:$/.test(at); ) {
    paths.push(at);
    const cut = Math.max(at.lastIndexOf("/"), at.lastIndexOf("\\"));
    at = at.slice(0, Math.max(0, cut)).replace(/[/\\]+$/, "");
  }
  return paths;
}

/** The same path without `.`, `..`, doubled and trailing separators; an absolute one. */
export function normalPath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split(/[/\\]/)) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return (/^[/\\]/.test(path) ? "/" : "") + kept.join("/");
}

/** The last part of a path that says anything. */
export function lastPart(path: string): string {
  return (
    path
      .split(/[/\\]/)
      .filter((part) => part !== "")
      .at(-1) ?? path
  );
}

/** The folder that a path is in; `.` where it names none. */
export function parentPath(path: string): string {
  return withParents(path)[1] ?? (/^[/\\]/.test(path) ? "/" : ".");
}

/**
 * The name of the set at a path where it is part of another path: the kind of the set and the last part of
 * the path, in which all but letters, digits, dots and dashes are replaced; the kind alone where nothing
 * is left.
 */
export function pathLabel(kind: string, path: string): string {
  const name = lastPart(path)
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .slice(0, 64);
  return /[\p{L}\p{N}]/u.test(name) ? `${kind}-${name}` : kind;
}

function isAbsolute(path: string): boolean {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(path);
}
