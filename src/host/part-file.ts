import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { afterFailure } from "../gpu/clean-up.ts";
import type { FilePin } from "./host.ts";
import {
  codeOf,
  failure,
  makeFolder,
  reporting,
  requireRegular,
  syncFolder,
} from "./io-failure.ts";

/**
 * A file that is being downloaded, with the hash of what is there. Bytes are written at their own
 * places, so that two processes that fetch the same file write the same bytes; where one of them
 * begins anew under the other, reading all again at the end finds it out. Failures throw IoError.
 */
export class PartFile {
  /** Bytes that are there. */
  length = 0;
  private hash: Hash;

  private constructor(
    readonly path: string,
    private readonly pin: FilePin,
    private readonly handle: fs.FileHandle,
  ) {
    this.hash = newHash(pin);
  }

  /** Opens or makes the file and its folder. What is there already is kept if it can be right. */
  static async open(path: string, pin: FilePin): Promise<PartFile> {
    return reporting("write", path, async () => {
      await makeFolder(dirname(path));
      await requireRegular("write", path, path);
      const handle = await fs.open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
      const part = new PartFile(path, pin, handle);
      try {
        const { size } = await handle.stat();
        if (size <= pin.bytes) await part.readWhatIsThere();
        if (size > pin.bytes || (part.complete && !part.matches())) await part.clear();
      } catch (error) {
        await afterFailure(() => handle.close());
        throw error;
      }
      return part;
    });
  }

  get complete(): boolean {
    return this.length === this.pin.bytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await reporting("write", this.path, async () => {
      for (let done = 0; done < bytes.length; ) {
        const left = bytes.length - done;
        const { bytesWritten } = await this.handle.write(bytes, done, left, this.length + done);
        done += bytesWritten;
      }
    });
    this.hash.update(bytes);
    this.length += bytes.length;
  }

  /** Goes back to the first byte. What is there stays, since the same bytes are to follow. */
  rewind(): void {
    this.hash = newHash(this.pin);
    this.length = 0;
  }

  /** Reads all from the disk again, since another process may have written to the file. */
  async reread(): Promise<void> {
    this.rewind();
    await reporting("read", this.path, () => this.readWhatIsThere());
  }

  /** Drops what is there: it does not belong to the file. */
  async clear(): Promise<void> {
    await reporting("write", this.path, () => fs.truncate(this.path, 0));
    this.rewind();
  }

  /** Whether the bytes so far have the pinned hash. */
  matches(): boolean {
    return this.hash.copy().digest("hex") === (this.pin.sha256 ?? this.pin.md5);
  }

  /** Removes a file in which nothing has arrived. */
  async removeIfEmpty(): Promise<void> {
    const status = await fs.stat(this.path).catch(() => undefined);
    if (status?.size === 0) await this.remove();
  }

  async remove(): Promise<void> {
    await reporting("remove", this.path, () => fs.rm(this.path, { force: true }));
  }

  /** Makes the bytes durable and gives the file its name. */
  async moveTo(target: string): Promise<void> {
    try {
      await this.handle.sync();
      // Windows renames no open file.
      await this.handle.close();
      await fs.rename(this.path, target);
    } catch (error) {
      // Another process has fetched the same file and was faster.
      const there = await fs.stat(target).catch(() => undefined);
      if (codeOf(error) !== "ENOENT" || there?.size !== this.pin.bytes) {
        throw failure("write", target, error);
      }
    }
    await syncFolder(dirname(target));
  }

  /** Closing once more does nothing. */
  async close(): Promise<void> {
    await this.handle.close();
  }

  private async readWhatIsThere(): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    for (;;) {
      const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, this.length);
      if (bytesRead === 0) return;
      this.hash.update(buffer.subarray(0, bytesRead));
      this.length += bytesRead;
    }
  }
}

function newHash({ sha256 }: FilePin): Hash {
  return createHash(sha256 === undefined ? "md5" : "sha256");
}
