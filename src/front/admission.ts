/** What is looked at before a request is: whether its client may speak at all, and to which browsers its answer will. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { X509Certificate } from 'node:crypto';
import { NO_ORIGIN } from '../protocol/cors.ts';
import { noteOrigin } from './origins.ts';

/** @returns false when it has ended the connection. */
export type Admission = (response: HttpResponse, request: HttpRequest) => boolean;

/**
 * @param requiresCertificate on an https connection: drops clients without one that is in force. uWebSockets.js asks for
 *   it and refuses one that is bad, but takes a client that has none. One that resumes a session, as it may for two days,
 *   comes with the certificate with which that was begun, and nobody has looked at it again. What the library tells is the
 *   certificate as text, made anew each time: to look takes 7 µs a request.
 * @param origins those that may read answers; undefined for all, so that there is nothing to note.
 * @returns undefined when there is nothing to look at.
 */
export function admissionOf(
  requiresCertificate: boolean,
  origins: readonly string[] | undefined,
): Admission | undefined {
  const checks: Admission[] = [];
  if (requiresCertificate) checks.push(hasCertificate);
  if (origins !== undefined) checks.push(originNote(new Set(origins)));
  const [first, ...others] = checks;
  if (first === undefined) return undefined;
  return (response, request) => first(response, request) && others.every((check) => check(response, request));
}

function hasCertificate(response: HttpResponse): boolean {
  // Not declared as text, but text it is.
  const text = (response as unknown as TellsCertificate).getX509Certificate();
  if (text.length > 0 && Date.now() <= endOf(text)) return true;
  response.close();
  return false;
}

/** When certificates end, epoch ms, by their text: reading one takes a hundred times as long as finding it here. */
const knownEnds = new Map<string, number>();
/** With more clients than these one is read again now and then. */
const KNOWN_ENDS_MAX = 1024;

function endOf(certificate: string): number {
  let endMs = knownEnds.get(certificate);
  if (endMs === undefined) {
    endMs = Date.parse(new X509Certificate(certificate).validTo);
    if (knownEnds.size === KNOWN_ENDS_MAX) knownEnds.clear();
    knownEnds.set(certificate, endMs);
  }
  return endMs;
}

function originNote(origins: ReadonlySet<string>): Admission {
  return (response, request) => {
    const origin = request.getHeader('origin');
    noteOrigin(response, origins.has(origin) ? origin : NO_ORIGIN);
    return true;
  };
}

type TellsCertificate = {
  /** PEM; empty when there is none. */
  getX509Certificate(): string;
};
