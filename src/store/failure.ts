/**
 * A refusal by the store: an ordinary outcome, not an exception. Codes and texts: `protocol/errors.ts`; the index of
 * the answer is the store's current one.
 */
import type { ByteString } from '../base/byte-string.ts';

export class Failure {
  readonly code: number;
  readonly cause: ByteString;

  constructor(code: number, cause: string) {
    this.code = code;
    this.cause = cause as ByteString;
  }
}
