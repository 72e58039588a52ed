import { joined } from "./png-file.ts";

/** A tar archive of files and folders (names that end in a slash), as any tar program writes it. */
export function tarFile(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const blocks = entries.flatMap(([path, content]) => {
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
    put(path, 0);
    put("0000644\0", 100);
    put(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    put(path.endsWith("/") ? "5" : "0", 156);
    put("ustar\x0000", 257);
    put("        ", 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, content, new Uint8Array((512 - (content.length % 512)) % 512)];
  });
  return joined([...blocks, new Uint8Array(1024)]);
}
