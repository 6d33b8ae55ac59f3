/** Certificates are read anew while the server serves: one reload after the other, each whole or not at all. */
import type { TlsFiles } from './front/connections/certificates.ts';
import { checkRenewal } from './listen-options.ts';
import type { Log } from './log.ts';

export class CertificateReload {
  readonly #files: TlsFiles | undefined;
  readonly #renew: () => Promise<void>;
  readonly #log: Log;
  /** Settled when the last reload is. */
  #last: Promise<void> = Promise.resolve();

  /**
   * @param files undefined for a server without https.
   * @param renew makes the front ends use what is in the files now; rejects when they go on with what was there before.
   */
  constructor(files: TlsFiles | undefined, renew: () => Promise<void>, log: Log) {
    this.#files = files;
    this.#renew = renew;
    this.#log = log;
  }

  /** Rejects when nothing has changed; the log says why. */
  reload(): Promise<void> {
    const reload = this.#last.then(() => this.#reload());
    this.#last = reload.catch(() => {});
    return reload;
  }

  async #reload(): Promise<void> {
    const files = this.#files;
    try {
      if (files === undefined) throw new Error('no https URL is served');
      const { validTo } = checkRenewal(files);
      await this.#renew();
      this.#log.info({ certFile: files.certFile, validTo }, 'certificates reloaded');
    } catch (error) {
      // Where in the program that was found does not help whoever has put the files there.
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error({ reason }, 'certificates not reloaded; those from before stay in use');
      throw error;
    }
  }
}
