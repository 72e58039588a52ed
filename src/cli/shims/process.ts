/** The part of Node's process that the argument parser looks at, for the page's bundle. */
export const env: Readonly<Record<string, string | undefined>> = {};
export const argv: readonly string[] = [];
export const execArgv: readonly string[] = [];
export const versions: Readonly<Record<string, string>> = {};
export const stdout = {};
export const stderr = {};
