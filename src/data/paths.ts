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

function isAbsolute(path: string): boolean {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(path);
}
