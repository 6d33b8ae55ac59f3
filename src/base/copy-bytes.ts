/** Bytes from one buffer to another. */

/** A call into native code costs as much as copying this many bytes ourselves. */
const NATIVE_FROM_BYTES = 128;

/** @returns where they end in `target`. */
export function copyBytes(source: Buffer, from: number, length: number, target: Buffer, at: number): number {
  if (length > NATIVE_FROM_BYTES) source.copy(target, at, from, from + length);
  else for (let position = 0; position < length; position++) target[at + position] = source[from + position] as number;
  return at + length;
}
