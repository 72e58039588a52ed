#!/usr/bin/env node
import { existsSync } from "node:fs";

// In a checkout its bundles are made on demand; the published package carries them.
const builder = new URL("../scripts/build.mjs", import.meta.url);
if (existsSync(builder)) {
  const { build, isStale } = await import(builder.href);
  if (isStale()) await build({ withoutTypes: true, log: () => {} });
}
await import(new URL("../dist/cli.js", import.meta.url).href);
