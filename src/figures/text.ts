/** How figures and the report write numbers; the same on every runtime, whatever its language. */

/** Nats with two decimals; a dash where there is no number. */
export function nats(value: number | null | undefined): string {
  if (value === undefined) return "–";
  if (value === null || !Number.isFinite(value)) return "not finite";
  return Math.abs(value) < 1e7 ? signed(value.toFixed(2)) : short(value);
}

/** A whole number with commas between its thousands. */
export function whole(value: number): string {
  return signed(String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ","));
}

/** A number in four digits at most: 0.001, 1.5e−7. */
export function short(value: number): string {
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-4 && size < 1e7);
  const text = plain ? String(Number(value.toPrecision(4))) : value.toExponential(2);
  return signed(text.replace("e+", "e").replace("e-", "e−"));
}

/** `0.4 s`, `41 s`, `6 min 31 s`, `2 h 05 min`. */
export function time(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor(total / 60) % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return minutes > 0 ? `${minutes} min ${total % 60} s` : `${total} s`;
}

/** Bytes in powers of a thousand. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB"] as const;
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** Seconds since 1970 as `2026-03-01 17:45 UTC`. */
export function date(seconds: number): string {
  const moment = new Date(seconds * 1000);
  if (Number.isNaN(moment.getTime())) return "unknown";
  return `${moment.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** `1 epoch`, `2 epochs`, `60,000 epochs`. */
export function counted(value: number, noun: string): string {
  return `${whole(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}

/** The sign of a negative number is no hyphen. */
function signed(text: string): string {
  return text.replace(/^-/, "−");
}
