/**
 * Node's own fast paths between byte strings and buffers. Not in its type declarations, in every version we support;
 * `buffer.write(text, at, 'latin1')` does the same after half as many nanoseconds again of looking at its arguments.
 */
declare global {
  interface Buffer {
    /** Writes the low byte of each character. @returns the number of bytes written. */
    latin1Write(text: string, offset: number, lengthBytes: number): number;
    /** The bytes from `start` to `end` as a string, a character a byte. */
    latin1Slice(start?: number, end?: number): string;
  }
}

export {};
