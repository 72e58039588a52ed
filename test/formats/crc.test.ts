import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32, crc32c } from "../../src/formats/crc.ts";

const test = suite("cyclic redundancy checks");

test("CRC-32 and CRC-32C give the published values", () => {
  const text = (s: string) => new TextEncoder().encode(s);
  assert.is(crc32(text("123456789")), 0xcbf43926);
  // RFC 3720, B.4, and the usual check value.
  assert.is(crc32c(text("123456789")), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

test.run();
