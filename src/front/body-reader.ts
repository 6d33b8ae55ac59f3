/**
 * Collects the body of a request, up to a limit. What goes beyond is read and thrown away, so that the client gets its
 * answer instead of a broken connection; a body without end is cut off.
 */
import '../base/latin1.ts';
import type { HttpResponse } from 'uWebSockets.js';
import type { ByteString } from '../base/byte-string.ts';

/** A body this many times over the limit is no mistake: the connection is closed. */
const DISCARDED_LIMITS_MAX = 4;
const NOTHING = '' as ByteString;

/**
 * @param onBody gets the bytes, or undefined when there were more than `sizeBytesMax`. Called once, unless the client
 *   goes away or is cut off.
 */
export function readBody(
  response: HttpResponse,
  sizeBytesMax: number,
  onBody: (body: ByteString | undefined) => void,
): void {
  let whole: ByteString = NOTHING;
  let pieces: Buffer[] | undefined;
  let sizeBytes = 0;
  response.onData((chunk, isLast) => {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > sizeBytesMax) {
      pieces = undefined;
      if (sizeBytes > sizeBytesMax * DISCARDED_LIMITS_MAX) response.close();
      else if (isLast) onBody(undefined);
      return;
    }
    if (isLast && pieces === undefined) {
      // Nearly always: the whole body in one piece, which is read before uWebSockets.js takes it back.
      whole = chunk.byteLength === 0 ? NOTHING : (Buffer.from(chunk).latin1Slice() as ByteString);
      onBody(whole);
      return;
    }
    pieces ??= [];
    pieces.push(Buffer.from(chunk.slice(0)));
    if (isLast) onBody(Buffer.concat(pieces).latin1Slice() as ByteString);
  });
}
