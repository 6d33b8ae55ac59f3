/** Where a server listens, and with which certificates, as its configuration says it. */
import type { ServerConfig } from './config.ts';
import { isInForce, readCertificate, type TlsFiles } from './front/connections/certificates.ts';
import type { ListenAddress } from './front/connections/listeners.ts';
import type { Log } from './log.ts';

/** URL leaves out the port that goes with the scheme. */
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Throws with the reason when `text` is no URL to listen on. */
export function parseListenUrl(text: string): ListenAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const defaultPort = DEFAULT_PORTS[url?.protocol ?? ''];
  if (url === undefined || defaultPort === undefined || url.pathname !== '/' || url.hostname === '') {
    throw new Error(`"${text}" is not a URL to listen on: http://HOST:PORT or https://HOST:PORT is`);
  }
  const port = url.port === '' ? defaultPort : Number(url.port);
  return { isSecure: url.protocol === 'https:', host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/**
 * The certificates of a server that has https URLs; undefined for one that has none, whatever files are named.
 * Throws when they are missing or of no use.
 * @param addresses all on which it listens.
 */
export function tlsFilesOf(config: ServerConfig, addresses: readonly ListenAddress[], log: Log): TlsFiles | undefined {
  const { certFile, keyFile, trustedCaFile, clientCertAuth } = config;
  const areNamed = [certFile, keyFile, trustedCaFile].some((file) => file !== undefined) || clientCertAuth;
  if (areNamed && addresses.some(({ isSecure }) => !isSecure)) {
    log.warn('certificates count for https URLs only: whoever connects to an http URL needs none and sees none');
  }
  if (!addresses.some(({ isSecure }) => isSecure)) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new Error('an https URL needs --cert-file and --key-file');
  }
  if (clientCertAuth && trustedCaFile === undefined) {
    throw new Error('--client-cert-auth needs --trusted-ca-file: whose certificates are to be taken?');
  }
  const files = { certFile, keyFile, trustedCaFile, nameUsers: clientCertAuth };
  const certificate = readCertificate(files);
  const { validFrom, validTo } = certificate;
  // Served all the same, as etcd does: there are clients that do not look.
  if (!isInForce(certificate, Date.now()))
    log.warn({ certFile, validFrom, validTo }, 'the certificate is not in force');
  return files;
}

/** Looks at certificates that are to replace others. Throws when they are of no use, or not in force. */
export function checkRenewal(files: TlsFiles): { readonly validTo: string } {
  const certificate = readCertificate(files);
  const { validFrom, validTo } = certificate;
  if (!isInForce(certificate, Date.now())) {
    throw new Error(`the certificate in ${files.certFile} is in force from ${validFrom} to ${validTo}, not now`);
  }
  return { validTo };
}
