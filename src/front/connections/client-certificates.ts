/**
 * The certificate that a client has shown: until when it is in force, and whose it is. With `--client-cert-auth` its name
 * is that of a user, for requests without an Authorization header. Only while a request is admitted is it looked at, so the
 * name is noted there, for whoever judges the request later.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { X509Certificate } from 'node:crypto';
import { type ByteString, byteStringOf } from '../../base/byte-string.ts';

export interface ClientCertificate {
  /** Epoch ms. */
  readonly endMs: number;
  /** The common name; `''` when there is none. */
  readonly name: ByteString;
}

const NOBODY = '' as ByteString;

/** By their text: reading one takes a hundred times as long as finding it here. */
const known = new Map<string, ClientCertificate>();
/** With more clients than these one is read again now and then. */
const KNOWN_MAX = 1024;
const names = new WeakMap<HttpResponse, ByteString>();

/** @param text PEM. */
export function readClientCertificate(text: string): ClientCertificate {
  let certificate = known.get(text);
  if (certificate === undefined) {
    const read = new X509Certificate(text);
    certificate = { endMs: Date.parse(read.validTo), name: commonNameOf(read) };
    if (known.size === KNOWN_MAX) known.clear();
    known.set(text, certificate);
  }
  return certificate;
}

/** Of several the last, as Go has it. */
function commonNameOf(certificate: X509Certificate): ByteString {
  const { CN } = certificate.toLegacyObject().subject ?? {};
  const all: readonly unknown[] = Array.isArray(CN) ? CN : [CN];
  const name = all.at(-1);
  return typeof name === 'string' ? byteStringOf(name) : NOBODY;
}

export function noteCertificateName(response: HttpResponse, { name }: ClientCertificate): void {
  names.set(response, name);
}

/** `''` when the client has shown no certificate, or none that says who it is. */
export function certificateNameOf(response: HttpResponse): ByteString {
  return names.get(response) ?? NOBODY;
}
