/** Certificates for the tests, made by openssl (Debian: apt-get install openssl) and gone with their directory. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from './servers.ts';

export const hasOpenssl = isInstalled('openssl');
if (!hasOpenssl) console.log('tests of TLS skipped: no openssl here (Debian: apt-get install openssl)');

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** From now on; -1: expired. */
  readonly days?: number;
  /** What it may be used for. */
  readonly usage?: string;
  /** As `openssl genpkey` names it, with its options. */
  readonly algorithm?: readonly string[];
}

const P256 = ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];

export class CertificateAuthority {
  readonly certFile: string;
  readonly #keyFile: string;
  readonly #directory: string;

  /** @param name of the authority, and of its files in `directory`. */
  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.certFile = join(directory, `${name}.crt`);
    this.#keyFile = join(directory, `${name}.key`);
    this.#openssl('genpkey', '-algorithm', ...P256, '-out', this.#keyFile);
    this.#openssl('req', '-x509', '-new', '-key', this.#keyFile, '-out', this.certFile, '-subj', `/CN=${name}`);
  }

  /** The certificate of `name`, good for 127.0.0.1. */
  issue(name: string, options: CertificateOptions = {}): CertificateFiles {
    const { days = 2, usage = 'serverAuth,clientAuth', algorithm = P256 } = options;
    const [keyFile, requestFile, certFile, extensionFile] = ['key', 'csr', 'crt', 'ext'].map((extension) =>
      join(this.#directory, `${name}.${extension}`),
    ) as [string, string, string, string];
    writeFileSync(extensionFile, `subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=${usage}\n`);
    this.#openssl('genpkey', '-algorithm', ...algorithm, '-out', keyFile);
    this.#openssl('req', '-new', '-key', keyFile, '-out', requestFile, '-subj', `/CN=${name}`);
    const authority = ['-CA', this.certFile, '-CAkey', this.#keyFile, '-CAcreateserial'];
    const rest = ['-days', String(days), '-extfile', extensionFile, '-out', certFile];
    this.#openssl('x509', '-req', '-in', requestFile, ...authority, ...rest);
    return { certFile, keyFile };
  }

  /** A copy of a key behind a passphrase. @param format today's, or the one before it. */
  encrypt({ keyFile }: CertificateFiles, format: 'PKCS #8' | 'traditional'): string {
    const encryptedFile = `${keyFile}.encrypted`;
    const command = format === 'traditional' ? 'ec' : 'pkey';
    this.#openssl(command, '-in', keyFile, '-aes256', '-passout', 'pass:secret', '-out', encryptedFile);
    return encryptedFile;
  }

  #openssl(...commandArguments: string[]): void {
    const { status, stderr } = spawnSync('openssl', commandArguments, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${commandArguments.join(' ')}: ${stderr}`);
  }
}

/** What a client is given, as node:tls and undici name it. */
export interface ClientTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

export function clientTls(authority: CertificateAuthority, own?: CertificateFiles): ClientTls {
  const ca = readFileSync(authority.certFile, 'utf8');
  if (own === undefined) return { ca };
  return { ca, cert: readFileSync(own.certFile, 'utf8'), key: readFileSync(own.keyFile, 'utf8') };
}
