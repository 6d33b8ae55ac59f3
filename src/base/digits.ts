/** Numbers as decimal digits among other bytes, without a string in between (native-bench, "set-64" and "listing"). */
const ZERO = 0x30;
const MAX_INT32 = 0x7fff_ffff;

/** How many digits a non-negative integer has. */
export function digitCount(number: number): number {
  let count = 1;
  for (let bound = 10; number >= bound; bound *= 10) count++;
  return count;
}

/** Writes a non-negative integer so that it ends before `end`; what is before its digits stays. */
export function writeDigits(bytes: Uint8Array, end: number, number: number): void {
  let at = end;
  let rest = number;
  while (rest > MAX_INT32) {
    const shorter = Math.floor(rest / 10);
    bytes[--at] = ZERO + (rest - shorter * 10);
    rest = shorter;
  }
  // Division of small integers is cheap only when the compiler knows that they are small.
  for (let small = rest | 0; small > 0; ) {
    const shorter = (small / 10) | 0;
    bytes[--at] = ZERO + (small - shorter * 10);
    small = shorter;
  }
  if (number === 0) bytes[--at] = ZERO;
}
