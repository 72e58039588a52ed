import { deflateSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32 } from "../../src/formats/crc.ts";
import { readZip, type ZipLimits } from "../../src/formats/zip.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { joined } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";
import { descriptorOf, type ZipEnd, type ZipPart, zipFile } from "../support/zip-file.ts";

const test = suite("zip");

const limits: ZipLimits = { entries: 100, memberBytes: 1 << 20, totalBytes: 1 << 21 };
const bytes = (text: string) => new TextEncoder().encode(text);
const hello = bytes("hello, hello, hello, hello");
const sound: ZipPart = { name: "a/b.txt", content: hello };

/** All members, as text. */
const read = (archive: Uint8Array, most: ZipLimits = limits) =>
  [...readZip(archive, "x.zip", most)].map((m) => [m.name, new TextDecoder().decode(m.bytes)]);

const refused = (archive: Uint8Array, pattern: RegExp, most = limits) =>
  rejects(() => read(archive, most), DataError, pattern);

const partRefused = (part: Partial<ZipPart>, pattern: RegExp) =>
  refused(zipFile([{ ...sound, ...part }]), pattern);

const endRefused = (end: ZipEnd, pattern: RegExp) => refused(zipFile([sound], end), pattern);

test("reads members that are stored, deflated or empty, without folders", () => {
  const parts: ZipPart[] = [
    { name: "a/" },
    sound,
    { name: "stored", content: hello, method: 0 },
    { name: "empty" },
    { name: "naïve ✓", content: bytes("✓"), flags: 0x808 },
  ];
  const text = "hello, hello, hello, hello";
  for (const comment of ["", "of the archive"]) {
    assert.equal(read(zipFile(parts, { comment })), [
      ["a/b.txt", text],
      ["stored", text],
      ["empty", ""],
      ["naïve ✓", "✓"],
    ]);
  }
  assert.equal(read(zipFile([])), []);
});

test("reads members of many pieces", () => {
  const content = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 2654435761) >>> 13);
  const [member] = readZip(zipFile([{ name: "m", content }]), "x.zip", limits);
  assert.equal(member?.bytes, content);
});

test("refuses what is no archive, and every truncation", async () => {
  await refused(new Uint8Array(), /^x\.zip: no ZIP archive, or cut off/);
  await refused(bytes("text, and more of it, but no archive"), /^x\.zip: no ZIP archive/);
  const whole = zipFile([sound, { name: "c", content: hello, method: 0 }]);
  for (let length = 0; length < whole.length; length++) {
    await refused(whole.subarray(0, length), /^x\.zip: /);
  }
});

test("refuses bytes before, within and after", async () => {
  const whole = zipFile([sound]);
  const junk = Uint8Array.of(1, 2, 3);
  await refused(joined([whole, junk]), /no ZIP archive, or cut off/);
  await refused(joined([junk, whole]), /the directory ends at byte \d+, expected byte \d+/);
  await endRefused({ size: 50 }, /the directory ends at byte \d+, expected/);
  await endRefused({ start: 5 }, /the directory ends at byte \d+, expected/);
  await endRefused({ count: 0 }, /53 bytes too many at the directory's end/);
  await endRefused({ count: 2 }, /no entry 1 of the directory at byte/);
});

test("refuses bytes that are no member's: in front, with offsets that allow for them, and between", async () => {
  const gap = Uint8Array.of(1, 2, 3);
  const other: ZipPart = { name: "c", content: hello, method: 0 };
  await refused(zipFile([{ ...sound, gap }, other]), /3 bytes at byte 0, before a\/b\.txt, are no/);
  await refused(
    zipFile([sound, { ...other, gap }]),
    /3 bytes at byte \d+, before c, are no member's/,
  );
  await partRefused(
    { packedSize: deflateSync(hello).length - 1 },
    /1 bytes at byte \d+, before the d/,
  );
  await refused(zipFile([], { start: 0, size: 0 }).slice(1), /no ZIP archive/);
  const empty = zipFile([{ name: "a" }, { name: "b", offset: 0, localName: "a" }]);
  await refused(empty, /b: the member at byte 0 has another name/);
});

test("refuses bytes behind the end of a deflated stream", async () => {
  const packed = deflateSync(hello);
  const longer = (more: number) => joined([packed, new Uint8Array(more).fill(9)]);
  for (const more of [1, 2, 100, 20_000]) {
    await partRefused(
      { packed: longer(more) },
      /b\.txt: its deflated bytes do not end where the me/,
    );
  }
  const [none, size] = [new Uint8Array(), 0];
  await partRefused({ packed: none, content: none, size }, /its deflated bytes do not end where/);
  // Blocks that are stored, and a last byte of which one bit is used.
  for (const level of [0, 1, 9] as const) {
    for (let length = 1; length < 40; length++) {
      const content = Uint8Array.from({ length }, (_, i) => (i * i) % 11);
      const archive = (more: number) =>
        zipFile([
          {
            name: "m",
            content,
            packed: joined([deflateSync(content, { level }), new Uint8Array(more)]),
          },
        ]);
      assert.equal([...readZip(archive(0), "x.zip", limits)][0]?.bytes, content);
      await refused(archive(1), /m: its deflated bytes do not end where the member does/);
    }
  }
});

test("reads members with descriptors, whose signature may be left out", async () => {
  const [packed, text] = [deflateSync(hello), "hello, hello, hello, hello"];
  const facts = { crc: crc32(hello), packedSize: packed.length, size: hello.length };
  const plain = descriptorOf(facts).slice(4);
  const streamed: ZipPart = { ...sound, flags: 8 };
  const read2 = (part: Partial<ZipPart>) =>
    read(zipFile([{ ...streamed, ...part }, { name: "c" }]));
  const expected = [
    ["a/b.txt", text],
    ["c", ""],
  ];
  assert.equal(read2({}), expected);
  assert.equal(read2({ descriptor: plain }), expected);
  assert.equal(read2({ local: { size: hello.length } }), expected, "known before, as zip has it");
  assert.equal(read2({ local: facts }), expected);
  const lies = [descriptorOf({ ...facts, crc: 1 }), descriptorOf({ ...facts, size: 27 })];
  for (const descriptor of [...lies, plain.slice(1), new Uint8Array()]) {
    await rejects(
      () => read2({ descriptor }),
      DataError,
      /b\.txt: no descriptor at byte \d+ that says/,
    );
  }
});

test("refuses headers before the bytes that say otherwise than the directory", async () => {
  const otherwise = /^x\.zip: a\/b\.txt: the header at byte 0 says otherwise than the directory/;
  const facts = [{ crc: 1 }, { size: 25 }, { size: 0 }, { packedSize: 3 }, { crc: 0 }];
  for (const local of [...facts, { method: 0 }, { method: 99 }, { flags: 1 }, { flags: 8 }]) {
    await partRefused({ local }, otherwise);
  }
  for (const local of [{ crc: 1 }, { size: 25 }, { packedSize: 3 }, { flags: 0 }, { flags: 9 }]) {
    await partRefused({ flags: 8, local }, otherwise);
  }
});

test("refuses ZIP64 and volumes", async () => {
  await endRefused({ count: 0xffff }, /a ZIP64 archive/);
  await endRefused({ start: 0xffffffff }, /a ZIP64 archive/);
  await partRefused({ size: 0xffffffff }, /a\/b\.txt: a ZIP64 entry/);
  await partRefused({ offset: 0xffffffff }, /a ZIP64 entry/);
  await endRefused({ disk: 1 }, /one volume of several/);
});

test("refuses names that lead elsewhere or confuse", async () => {
  for (const name of [
    "../up",
    "a/../b",
    "a/..",
    "..",
    "/absolute",
    "a//b",
    "./a",
    "",
    "/",
    "a\\b",
    "C:/a",
    "a\u0000b",
    "a\u001b[2J",
    "a\u009bb",
    ..."\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
  ]) {
    await partRefused({ name }, /^x\.zip: unsafe name "[ -~]*"$/);
  }
  await partRefused({ name: "a\u202egnp.txt" }, /unsafe name "a\\u202egnp\.txt"/);
  await partRefused({ name: Uint8Array.of(0x61, 0xff) }, /a name that is not UTF-8/);
  await partRefused({ localName: "a/c.txt" }, /a\/b\.txt: the member at byte 0 has another name/);
  await refused(zipFile([sound, sound]), /a\/b\.txt is in it twice/);
});

test("refuses encryption and other methods", async () => {
  for (const flag of [1, 0x20, 0x40, 0x2000]) await partRefused({ flags: flag }, /encrypted/);
  for (const method of [1, 6, 9, 12, 14, 93, 99]) {
    await partRefused({ method }, new RegExp(`compression method ${method}, expected 0 .* or 8`));
  }
});

test("refuses members that are not where they should be", async () => {
  await partRefused({ offset: 1 }, /no header of a member at byte 1/);
  await partRefused({ offset: 1e6 }, /no header of a member at byte 1000000/);
  await partRefused({ packedSize: 1e6 }, /its bytes end at byte \d+, expected byte \d+ at most/);
  const inner = zipFile([{ name: "in", content: hello }]);
  const outer: ZipPart = { name: "out", content: inner, method: 0 };
  await refused(
    zipFile([outer, { name: "in", content: hello, offset: 33 }]),
    /in shares bytes with out/,
  );
});

test("refuses a wrong checksum", async () => {
  await partRefused({ crc: 1 }, /^x\.zip: a\/b\.txt: wrong checksum \(CRC\)$/);
  await partRefused({ crc: 1, method: 0 }, /wrong checksum/);
  const changed = zipFile([{ ...sound, method: 0 }]);
  changed[40]! ^= 1;
  await refused(changed, /wrong checksum/);
});

test("refuses sizes that lie", async () => {
  await partRefused({ size: 25 }, /inflates beyond the 25 bytes that it declares/);
  await partRefused({ size: 27 }, /ends after 26 inflated bytes, expected 27/);
  await partRefused({ size: 25, method: 0 }, /26 stored bytes, expected 25/);
  await partRefused({ size: 1e6 }, /declares 1000000 bytes, more than \d+ compressed bytes/);
  await partRefused({ size: 2e6 }, /2000000 bytes, expected at most 1048576 in a member/);
});

test("refuses deflated bytes that are broken or cut off", async () => {
  const packed = deflateSync(hello);
  const cut = packed.subarray(0, packed.length - 4);
  await partRefused({ packed: cut }, /a\/b\.txt: (broken or truncated|ends) after \d+ inflated/);
  const broken = Uint8Array.of(7, 7, 7, 7);
  await partRefused({ packed: broken }, /broken or truncated after 0 inflated bytes \(/);
});

test("a bomb is stopped while it inflates", async () => {
  // After 100 MB come bytes that are no deflate: whoever reads that far says so.
  const zeros = deflateSync(new Uint8Array(100_000_000));
  const packed = zeros.slice();
  packed.fill(0xff, packed.length / 2);
  await partRefused({ packed }, /a\/b\.txt: inflates beyond the 26 bytes that it declares/);
  await partRefused({ packed, size: 5e4 }, /inflates beyond the 50000 bytes/);
  const reachesEnd = { ...limits, memberBytes: 2e8, totalBytes: 2e8 };
  await refused(zipFile([{ ...sound, packed, size: 9e7 }]), /broken or truncated/, reachesEnd);
});

test("refuses too many members and too many bytes of all", async () => {
  const many = Array.from({ length: 101 }, (_, i) => ({ name: `f${i}` }));
  await refused(zipFile(many), /101 entries, expected at most 100/);
  const content = new Uint8Array(900_000);
  const large = ["a", "b", "c"].map((name) => ({ name, content }));
  await refused(zipFile(large), /c: with it the members are 2700000 bytes, expected at most 2097/);
  assert.is(read(zipFile(large.slice(0, 2))).length, 2);
});

test("no change of a byte goes unnoticed or throws anything else", async () => {
  const whole = zipFile([sound, { name: "c", content: hello, method: 0 }]);
  const expected = read(whole);
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = whole.slice();
      changed[at]! ^= flip;
      try {
        const members = read(changed);
        // Versions, times and attributes are not looked at; names are not under the checksum.
        const contents = (of: typeof members) => of.map(([, text]) => text);
        assert.equal(contents(members), contents(expected), `byte ${at}`);
      } catch (error) {
        assert.instance(error, DataError, `byte ${at}: ${error}`);
      }
    }
  }
});

test.run();
