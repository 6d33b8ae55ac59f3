/**
 * The files that TLS needs. They are looked at here before uWebSockets.js has them, since it says no more of a bad one
 * than that there is no App. It takes names of files only, so what it reads is what is there a moment later.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { faultOfKey } from '../../base/pem.ts';

/** PEM files. */
export interface TlsFiles {
  /** The server's certificate, and behind it those between it and its CA. */
  readonly certFile: string;
  readonly keyFile: string;
  /** CAs for the certificates of clients, who must have one; undefined: nobody is asked for one. */
  readonly trustedCaFile: string | undefined;
  /** Whether the name in a client's certificate is that of a user. */
  readonly nameUsers: boolean;
}

/** @returns the server's certificate. Throws with the file and the reason when the files are of no use. */
export function readCertificate({ certFile, keyFile, trustedCaFile }: TlsFiles): X509Certificate {
  const [certificate] = readPem(certFile, 'certificate', parseCertificates);
  const key = readPem(keyFile, 'private key', parseKey);
  if (!certificate.checkPrivateKey(key)) throw new Error(`${keyFile} is not the key of the certificate in ${certFile}`);
  if (trustedCaFile !== undefined) readPem(trustedCaFile, 'certificate', parseCertificates);
  return certificate;
}

/** Whether a certificate can be used now. */
export function isInForce(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
}

function readPem<T>(file: string, what: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new Error(`no ${what} can be read from ${file}: ${code ?? message}`, { cause });
  }
}

const PEM_CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----.*?-----END (?:TRUSTED )?CERTIFICATE-----/gs;

function parseCertificates(text: string): [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = (text.match(PEM_CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
  if (first === undefined) throw new Error('there is none in it');
  return [first, ...others];
}

function parseKey(text: string): KeyObject {
  const fault = faultOfKey(text);
  if (fault !== undefined) throw new Error(fault);
  return createPrivateKey(text);
}
