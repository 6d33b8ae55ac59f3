/**
 * How an answer ends that leaves in one go. What does not fit the cork behind its head uWebSockets.js loses, when the socket does
 * not take the head (issue 1249): as when its client has gone a moment ago. To the library such an answer is not given. It ends the
 * process over it while the request is being handled, and calls the handler for a client that goes later on, when the slot
 * is another request's. So such an answer is offered, and what is not taken is ours until it is.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { copyOf } from '../../base/bytes.ts';

/** Fits the cork, of 16 KB, behind its head, also behind one that says as much: where a redirect leads is in both. */
const CORKED_SIZE_BYTES_MAX = 6 * 1024;

/** Ends a response, whose head is written, with its body. To be called corked; the response is not to be touched afterwards. */
export function endWith(response: HttpResponse, body: string | Uint8Array): void {
  if (body.length <= CORKED_SIZE_BYTES_MAX) {
    response.end(body);
    return;
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const [, isComplete] = response.tryEnd(bytes, bytes.length);
  if (!isComplete) endLater(response, bytes);
}

/** Nobody else hears of this client any more. The library drops it if it takes nothing for ten seconds. */
function endLater(response: HttpResponse, bytes: Uint8Array): void {
  const takenBytes = response.getWriteOffset();
  const rest = copyOf(bytes.subarray(takenBytes));
  response.onAborted(ignore);
  response.onWritable((offsetBytes) => {
    let isWritable = false;
    response.cork(() => {
      [isWritable] = response.tryEnd(rest.subarray(offsetBytes - takenBytes), bytes.length);
    });
    return isWritable;
  });
}

function ignore(): void {}
