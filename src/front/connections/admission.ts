/** What is looked at before a request is: whether its client may speak at all, and to which browsers its answer will. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { NO_ORIGIN } from '../../protocol/cors.ts';
import { noteOrigin } from '../answers/origins.ts';
import { noteCertificateName, readClientCertificate } from './client-certificates.ts';

/** @returns false when it has ended the connection. */
export type Admission = (response: HttpResponse, request: HttpRequest) => boolean;

/**
 * @param requiresCertificate on an https connection: drops clients without one that is in force. uWebSockets.js asks for
 *   it and refuses one that is bad, but takes a client that has none. One that resumes a session, as it may for two days,
 *   comes with the certificate with which that was begun, and nobody has looked at it again. What the library tells is the
 *   certificate as text, made anew each time: to look takes 7 µs a request.
 * @param nameUsers whether the name in a certificate is that of a user.
 * @param origins those that may read answers; undefined for all, so that there is nothing to note.
 * @returns undefined when there is nothing to look at.
 */
export function admissionOf(
  requiresCertificate: boolean,
  nameUsers: boolean,
  origins: readonly string[] | undefined,
): Admission | undefined {
  const checks: Admission[] = [];
  if (requiresCertificate) checks.push(certificateCheck(nameUsers));
  if (origins !== undefined) checks.push(originNote(new Set(origins)));
  const [first, ...others] = checks;
  if (first === undefined) return undefined;
  return (response, request) => first(response, request) && others.every((check) => check(response, request));
}

function certificateCheck(nameUsers: boolean): Admission {
  return (response) => {
    // Not declared as text, but text it is.
    const text = (response as unknown as TellsCertificate).getX509Certificate();
    const certificate = text === '' ? undefined : readClientCertificate(text);
    if (certificate === undefined || !(Date.now() <= certificate.endMs)) {
      response.close();
      return false;
    }
    if (nameUsers) noteCertificateName(response, certificate);
    return true;
  };
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
