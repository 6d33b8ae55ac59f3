/** Times and durations as Go prints them: RFC 3339 with nanoseconds and no zeros at the end, and `1m26.06s`. */

const LAST_MS = Date.UTC(10000, 0) - 1;
const FIRST_MS = -62167219200000; // 0000-01-01T00:00:00Z. RFC 3339 has four digits for the year, so we stop at both ends.

const FRACTIONS = Array.from({ length: 1000 }, (_, ms) => trimFraction(`.${String(ms).padStart(3, '0')}`));

// Many keys expire within the same second, and Date is by far the dearest part: remember the last second's text.
let secondSeen = 0;
let textOfSecond = '1970-01-01T00:00:00';

/**
 * A point in time in UTC.
 * @param ms  whole milliseconds since 1970. Beyond the years 0 to 9999 the nearest time within them is printed.
 */
export function formatExpiration(ms: number): string {
  const withinMs = Math.min(Math.max(ms, FIRST_MS), LAST_MS);
  const second = Math.floor(withinMs / 1000);
  if (second !== secondSeen) {
    textOfSecond = new Date(second * 1000).toISOString().slice(0, 19);
    secondSeen = second;
  }
  return `${textOfSecond}${FRACTIONS[withinMs - second * 1000]}Z`;
}

/** The same for the start times of the statistics, which may have a fraction of a millisecond; it is cut off. */
export function formatGoTime(ms: number): string {
  return formatExpiration(Math.floor(ms));
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
