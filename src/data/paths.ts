/** Joins with "/", which every runtime takes on every system; an absolute last part stands alone. */
export function joinPath(first: string, ...rest: readonly string[]): string {
  return rest.reduce((path, part) => {
    if (path === "" || isAbsolute(part)) return part;
    return path.endsWith("/") || path.endsWith("\\") ? path + part : `${path}/${part}`;
  }, first);
}

function isAbsolute(path: string): boolean {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(path);
}
