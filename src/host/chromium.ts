import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { importAtRunTime } from "../gpu/adapter-environment.ts";
import { type AdapterPreference, hasLibrary, vulkanCandidates } from "../gpu/adapter-vulkan.ts";
import { findPackage, unpackEmbedded } from "../gpu/embedded.ts";
import { NoAdapterError, UsageError } from "../gpu/errors.ts";

/** Beyond what playwright switches off already. */
const QUIET_FLAGS = [
  "--no-sandbox",
  "--no-zygote",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-breakpad",
  "--disable-client-side-phishing-detection",
  "--no-default-browser-check",
  "--no-first-run",
  "--no-pings",
  "--metrics-recording-only",
  "--mute-audio",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  "--disable-dev-shm-usage",
  "--font-render-hinting=none",
  // A step on a software adapter may take longer than the watchdog allows.
  "--disable-gpu-watchdog",
];

const WEBGPU_FLAGS = [
  "--enable-unsafe-webgpu",
  "--enable-features=Vulkan",
  "--ignore-gpu-blocklist",
];

interface Attempt {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The browser's own SwiftShader comes last; hardware drivers and newer llvmpipes go first. */
async function attempts(prefer: AdapterPreference): Promise<Attempt[]> {
  const software: Attempt = { flags: ["--use-webgpu-adapter=swiftshader"], env: {} };
  if (prefer === "swiftshader") return [software];
  const installed = (await vulkanCandidates("chrome", prefer)).filter(
    ({ VK_DRIVER_FILES }) => !VK_DRIVER_FILES?.includes("swiftshader"),
  );
  const list = installed.map((env): Attempt => ({ flags: ["--use-angle=vulkan"], env }));
  return prefer === "auto" ? [...list, software] : list;
}

/** Libraries and fonts that the browser wants and a bare machine lacks. */
async function environment(): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined) env[name] = value;
  env.XDG_RUNTIME_DIR ??= tmpdir();
  if (!(await hasLibrary("libnss3.so"))) {
    const folder = join(await unpackEmbedded("nss"), "lib");
    env.LD_LIBRARY_PATH = [folder, env.LD_LIBRARY_PATH].filter((path) => path).join(":");
  }
  if (!existsSync("/etc/fonts/fonts.conf")) env.FONTCONFIG_PATH = await unpackEmbedded("fonts");
  return env;
}

async function loadPlaywright(): Promise<typeof import("playwright-core")> {
  const folder = await findPackage("playwright-core");
  if (!folder) {
    throw new NoAdapterError(
      "--runtime chrome wants npm install playwright-core @sparticuz/chromium@147.0.0",
    );
  }
  return importAtRunTime(pathToFileURL(join(folder, "index.mjs")).href);
}

export interface OpenBrowser {
  readonly browser: Browser;
  readonly page: Page;
}

/**
 * Starts the embedded headless Chromium and opens `url`, with the first adapter there is in the
 * order real GPU, llvmpipe, SwiftShader. Its profile is a new one. The caller closes the browser.
 *
 * @param variables of the environment, beside this process's own
 */
export async function openChromium(
  url: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<OpenBrowser> {
  const { chromium } = await loadPlaywright();
  const prefer = (process.env.LATENTGRAD_ADAPTER || "auto") as AdapterPreference;
  if (!["auto", "gpu", "llvmpipe", "swiftshader"].includes(prefer)) {
    throw new UsageError(`unknown adapter "${prefer}": use auto, gpu, llvmpipe, swiftshader`);
  }
  const executablePath = join(await unpackEmbedded("chromium"), "chromium");
  const env = await environment();
  let reason = "";
  for (const attempt of await attempts(prefer)) {
    let browser: Browser;
    try {
      browser = await chromium.launch({
        executablePath,
        headless: true,
        args: [...QUIET_FLAGS, ...WEBGPU_FLAGS, ...attempt.flags],
        env: { ...env, ...variables, ...attempt.env },
        // The caller closes the browser, whatever the signal.
        handleSIGINT: false,
        handleSIGTERM: false,
        handleSIGHUP: false,
      });
    } catch (error) {
      reason = (error as Error).message.split("\n")[0] ?? "";
      continue;
    }
    try {
      const page = await browser.newPage();
      await page.goto(url);
      const found = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
      if (found) return { browser, page };
      reason = "the browser offers no adapter";
    } catch (error) {
      reason = (error as Error).message.split("\n")[0] ?? "";
    }
    await browser.close().catch(() => {});
  }
  const wanted = prefer === "auto" ? "no WebGPU adapter" : `no ${prefer} adapter`;
  throw new NoAdapterError(`${wanted} in chrome: ${reason || "no driver for it is installed"}`);
}
