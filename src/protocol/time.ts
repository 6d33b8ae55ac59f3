/** Times and durations as Go prints them: RFC 3339 with nanoseconds and no zeros at the end, and `1m26.06s`. */
import '../base/latin1.ts';

const LAST_MS = Date.UTC(10000, 0) - 1;
const FIRST_MS = -62167219200000; // 0000-01-01T00:00:00Z. RFC 3339 has four digits for the year, so we stop at both ends.

const DAY_MS = 24 * 60 * 60 * 1000;
/** `2026-12-01T`. Date is by far the dearest part of a time, and many keys expire on the same day: remember the last one's text. */
const DAY_SIZE_BYTES = 11;
const textOfDay = Buffer.from('1970-01-01T');
let daySeen = 0;
/** Without its fraction. */
const TIME_SIZE_BYTES = DAY_SIZE_BYTES + 'hh:mm:ssZ'.length;
const formatted = Buffer.alloc(TIME_SIZE_BYTES + '.000'.length);

/**
 * A point in time in UTC.
 * @param ms  since 1970; a fraction of a millisecond is cut off. Beyond the years 0 to 9999 the nearest time within them is printed.
 */
export function formatTime(ms: number): string {
  return formatted.latin1Slice(0, writeTime(formatted, 0, ms));
}

/** How many bytes `writeTime` writes. */
export function timeSizeBytes(ms: number): number {
  const fraction = withinBounds(ms) % 1000;
  if (fraction === 0) return TIME_SIZE_BYTES;
  return TIME_SIZE_BYTES + (fraction % 100 === 0 ? 2 : fraction % 10 === 0 ? 3 : 4);
}

/** Writes what `formatTime` gives. @returns where it ends. */
export function writeTime(bytes: Uint8Array, at: number, ms: number): number {
  const withinMs = withinBounds(ms);
  const day = Math.floor(withinMs / DAY_MS);
  if (day !== daySeen) {
    textOfDay.latin1Write(new Date(day * DAY_MS).toISOString(), 0, DAY_SIZE_BYTES);
    daySeen = day;
  }
  for (let position = 0; position < DAY_SIZE_BYTES; position++) bytes[at + position] = textOfDay[position] as number;
  const ofDayMs = (withinMs - day * DAY_MS) | 0;
  const seconds = (ofDayMs / 1000) | 0;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  let end = writeTwoDigits(bytes, at + DAY_SIZE_BYTES, hours);
  bytes[end] = COLON;
  end = writeTwoDigits(bytes, end + 1, minutes - 60 * hours);
  bytes[end] = COLON;
  end = writeTwoDigits(bytes, end + 1, seconds - 60 * minutes);
  end = writeFraction(bytes, end, ofDayMs - 1000 * seconds);
  bytes[end] = ZULU;
  return end + 1;
}

function withinBounds(ms: number): number {
  return Math.floor(Math.min(Math.max(ms, FIRST_MS), LAST_MS));
}

const ZERO = 0x30;
const POINT = 0x2e;
const COLON = 0x3a;
const ZULU = 0x5a;

function writeTwoDigits(bytes: Uint8Array, at: number, number: number): number {
  const tens = (number / 10) | 0;
  bytes[at] = ZERO + tens;
  bytes[at + 1] = ZERO + number - 10 * tens;
  return at + 2;
}

/** Without zeros at the end, and nothing at all of 0. */
function writeFraction(bytes: Uint8Array, at: number, ms: number): number {
  if (ms === 0) return at;
  const tenths = (ms / 100) | 0;
  const rest = ms - 100 * tenths;
  bytes[at] = POINT;
  bytes[at + 1] = ZERO + tenths;
  if (rest === 0) return at + 2;
  const end = writeTwoDigits(bytes, at + 2, rest);
  return rest % 10 === 0 ? end - 1 : end;
}

/** The longest time.Duration of Go, 2^63 nanoseconds, to the millisecond. */
const GO_DURATION_MS_MAX = 9_223_372_036_854;

/** Remaining whole seconds, rounded up; 0 or less once the time has passed. Saturates as Go's time.Sub does. */
export function ttlSeconds(expirationMs: number, nowMs: number): number {
  const leftMs = Math.min(Math.max(expirationMs - nowMs, -GO_DURATION_MS_MAX), GO_DURATION_MS_MAX);
  return Math.ceil(leftMs / 1000) + 0; // + 0 turns -0 into 0.
}

/**
 * A duration like Go's time.Duration.String: `2h0m5.25s`, `1.5ms`, `250µs`, `0s`.
 * @param ms  milliseconds, also fractions of one down to a nanosecond.
 */
export function formatGoDuration(ms: number): string {
  if (ms < 0) return `-${formatGoDuration(-ms)}`;
  if (ms < 1) return formatBelowMillisecond(Math.round(ms * 1e6));
  if (ms < 1000) return `${trimFraction(ms.toFixed(6))}ms`;
  const minutes = Math.floor(ms / 60_000);
  // Taken apart before it is made nanoseconds, of which a double holds only 104 days.
  const seconds = `${trimFraction(((ms - minutes * 60_000) / 1000).toFixed(9))}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}

function formatBelowMillisecond(ns: number): string {
  if (ns === 0) return '0s';
  return ns < 1000 ? `${ns}ns` : `${trimFraction((ns / 1000).toFixed(3))}µs`;
}

/** Drops the zeros at the end of a fraction, and its point if nothing is left. */
function trimFraction(text: string): string {
  return text.replace(/\.?0+$/, '');
}
