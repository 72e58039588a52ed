import { sha256 } from "../formats/sha256.ts";
import type { Dataset } from "./types.ts";

/** By what training data are known again. */
export interface Fingerprint {
  /** Images of the training part, those held out for validation among them. */
  readonly images: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * The fingerprint of a set's training part: over what the set says of its bytes, else over the
 * images, labels, attributes and groups themselves, and the images of a validation part of its own.
 */
export async function fingerprintOf({
  train,
  validation,
  fingerprint,
}: Dataset): Promise<Fingerprint> {
  const hash = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    sha256(new Uint8Array(buffer, byteOffset, byteLength));
  const { images, labels, groups, count, attributes = {} } = train;
  const content = fingerprint ?? {
    images: await hash(images),
    labels: [labels.BYTES_PER_ELEMENT, await hash(labels)],
    ...(groups ? { groups: await hash(groups) } : {}),
    ...(validation ? { validation: await hash(validation.images) } : {}),
    attributes: await Promise.all(
      Object.entries(attributes).map(async ([name, values]) => [name, await hash(values)]),
    ),
  };
  const text = new TextEncoder().encode(JSON.stringify([count, content]));
  return { images: count, sha256: await sha256(text) };
}

/** What differs between data as they are and as they were, in words; undefined where nothing does. */
export function dataDifference(now: Fingerprint, before: Fingerprint): string | undefined {
  if (now.images !== before.images) return `${now.images} images, were ${before.images}`;
  return now.sha256 === before.sha256
    ? undefined
    : `${now.images} images as before, with other content`;
}

/** The data that were there before, in their order, and others behind them, each once. */
export function withEarlier(
  before: readonly Fingerprint[],
  data: Fingerprint | undefined,
): readonly Fingerprint[] {
  const known = !data || before.some((each) => dataDifference(each, data) === undefined);
  return known ? before : [...before, data];
}

/** A list of fingerprints that was read from a file; undefined for what is none. */
export function soundFingerprints(value: unknown): readonly Fingerprint[] | undefined {
  return Array.isArray(value) && value.every(soundFingerprint) ? value : undefined;
}

/** A fingerprint that was read from a file; undefined for what is none. */
export function soundFingerprint(value: unknown): Fingerprint | undefined {
  const { images, sha256: hash } = (value ?? {}) as Partial<Fingerprint>;
  return Number.isSafeInteger(images) && /^[0-9a-f]{64}$/.test(String(hash))
    ? (value as Fingerprint)
    : undefined;
}
