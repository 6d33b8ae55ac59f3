/**
 * Clients that send the head of a request and wait for `100 Continue` before its body. uWebSockets.js says it to those who
 * ask for it in lower case only; Java's HttpClient asks for `100-Continue`, as HTTP allows, and would wait for ever.
 */
import type { HttpRequest, HttpResponse, RecognizedString } from 'uWebSockets.js';

const EXPECTED = '100-continue';

/** To be called while a request with a body is being handled, before anything is written. */
export function letContinue(response: HttpResponse, request: HttpRequest): void {
  const expectation = request.getHeader('expect');
  if (expectation === '' || expectation === EXPECTED || expectation.toLowerCase() !== EXPECTED) return;
  // The line end belongs to the empty line that a head ends with.
  response.writeStatus('100 Continue\r\n');
  // The library takes one status for a response. That of the answer goes in front of its first header, which all have.
  let status = '200 OK';
  const { writeHeader } = response;
  response.writeStatus = (text) => {
    status = textOf(text);
    const lastLineAt = status.lastIndexOf('\r\n');
    if (lastLineAt === -1) return response;
    // With header lines behind it: the name of the last one ends what goes in front of its value.
    const colonAt = status.indexOf(': ', lastLineAt);
    response.writeHeader = writeHeader;
    return response.writeHeader(`HTTP/1.1 ${status.slice(0, colonAt)}`, status.slice(colonAt + 2));
  };
  response.writeHeader = (name, value) => {
    response.writeHeader = writeHeader;
    return response.writeHeader(`HTTP/1.1 ${status}\r\n${textOf(name)}`, value);
  };
}

function textOf(text: RecognizedString): string {
  return typeof text === 'string' ? text : Buffer.from(text as Uint8Array).latin1Slice();
}
