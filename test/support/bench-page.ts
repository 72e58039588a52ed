import { type Running, start } from "./command.ts";

/** Starts the server; its address is the first line on stdout. */
export async function serveBenchPage(port: string): Promise<{ running: Running; url: string }> {
  const running = start(["bench", "--page", "--port", port]);
  const url = await new Promise<string>((resolve, reject) => {
    running.child.stdout!.once("data", (chunk) => resolve(String(chunk).trim()));
    running.ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  return { running, url };
}
