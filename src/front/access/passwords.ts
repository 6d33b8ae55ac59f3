/**
 * Is this the right password? bcrypt says so, slowly, on a thread of its own (`password-job.ts`); what it has said is
 * remembered for a while, or every request would cost a tenth of a second of a core.
 *
 * What is remembered is a hash of the header, keyed with a secret of this process, and the password's hash that it was
 * checked against: no password stays in memory, and with another password, or without the user, the entry means nothing.
 * That a password was wrong is not remembered: whoever guesses pays each time. Those who guess wait in a line that has an
 * end, for all and for each user, so that a flood keeps neither the others nor their memory. Whoever goes on asking is
 * remembered all the while: if it had to be checked again in a flood of guesses at its own password, it would be refused.
 */
import { hash as hashOf, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Piscina } from 'piscina';
import { type ByteString, byteStringOf, textOf } from '../../base/byte-string.ts';
import { siblingModule, threadFlags } from '../../base/sibling-module.ts';
import { loadThreadPools } from '../../base/thread-pools.ts';
import type { Credentials } from '../../protocol/basic-auth.ts';

export interface PasswordLimits {
  /** Checks, and passwords to be hashed, that may wait at a time. */
  readonly passwordQueueMax: number;
  /** The same of one user. */
  readonly passwordQueuePerUserMax: number;
  /** Right credentials that are remembered. */
  readonly rememberedPasswordsMax: number;
  /** For so long after they were last used. */
  readonly rememberedPasswordMsMax: number;
}

/** `busy`: too many wait already. */
export type CheckResult = 'right' | 'wrong' | 'busy';

export interface Remembered {
  readonly name: ByteString;
  /** Of the password that was right. */
  readonly hash: ByteString;
  untilMs: number;
}

export type PasswordPool = Pick<Piscina, 'run' | 'destroy'>;

const IDLE_THREAD_MS = 30_000;
/** bcrypt looks at no more of one. */
const PASSWORD_BYTES_MAX = 72;

export class Passwords {
  readonly #limits: PasswordLimits;
  readonly #nowMs: () => number;
  readonly #secret = randomBytes(32).latin1Slice();
  readonly #remembered = new Map<string, Remembered>();
  /** Those who wait for the same check share it. */
  readonly #waiting = new Map<string, ((result: CheckResult) => void)[]>();
  readonly #waitingOfUser = new Map<ByteString, number>();
  readonly #open: typeof openPool;
  /** Made, and its library loaded, for the first password: most servers know none. */
  #pool: Promise<PasswordPool> | undefined;
  #queued = 0;

  constructor(limits: PasswordLimits, nowMs: () => number = () => performance.now(), open = openPool) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#open = open;
  }

  /** Whose password that header holds, if it was right of late: it still is if the user's hash is the same. */
  recall(authorization: string): Remembered | undefined {
    const known = this.#remembered.get(this.#digestOf(authorization));
    if (known === undefined) return undefined;
    const nowMs = this.#nowMs();
    if (known.untilMs <= nowMs) return undefined;
    known.untilMs = nowMs + this.#limits.rememberedPasswordMsMax;
    return known;
  }

  /**
   * @param authorization the header, by which the credentials are remembered.
   * @param hash of the password, as the store has it now.
   * @param onResult called later, or at once when nobody needs to look.
   */
  check(
    authorization: string,
    { name, password }: Credentials,
    hash: ByteString,
    onResult: (result: CheckResult) => void,
  ): void {
    const text = textOfPassword(password);
    if (text === undefined) {
      onResult('wrong');
      return;
    }
    const digest = this.#digestOf(authorization);
    const sameCheck = digest + hash;
    const waiting = this.#waiting.get(sameCheck);
    if (waiting !== undefined) {
      waiting.push(onResult);
      return;
    }
    const ofUser = this.#waitingOfUser.get(name) ?? 0;
    if (this.#queued >= this.#limits.passwordQueueMax || ofUser >= this.#limits.passwordQueuePerUserMax) {
      onResult('busy');
      return;
    }
    this.#waiting.set(sameCheck, [onResult]);
    this.#waitingOfUser.set(name, ofUser + 1);
    void this.#run<boolean>('checkPassword', { password: text, hash }).then((isRight) => {
      if (isRight === true) this.#remember(digest, name, hash);
      this.#leave(name);
      const results = this.#waiting.get(sameCheck) ?? [];
      this.#waiting.delete(sameCheck);
      for (const tell of results) tell(isRight === undefined ? 'busy' : isRight ? 'right' : 'wrong');
    });
  }

  /** @returns the hash to be kept; undefined when too many wait already. */
  async hash(password: ByteString): Promise<ByteString | undefined> {
    if (this.#queued >= this.#limits.passwordQueueMax) return undefined;
    return this.#run<ByteString>('hashPassword', textOf(password));
  }

  async close(): Promise<void> {
    const pool = await this.#pool?.catch(() => undefined);
    await pool?.destroy();
  }

  /** @returns undefined when there is no thread any more. */
  async #run<T>(name: string, task: unknown): Promise<T | undefined> {
    this.#queued++;
    try {
      this.#pool ??= this.#opened();
      const pool = await this.#pool;
      return await pool.run(task, { name });
    } catch {
      return undefined;
    } finally {
      this.#queued--;
    }
  }

  /** When there is none to be had the next password asks again. */
  #opened(): Promise<PasswordPool> {
    return this.#open(() => this.#lose()).catch((error: unknown) => {
      this.#pool = undefined;
      throw error;
    });
  }

  /** A thread could not begin: who waits for it is told so, and the next password has another. */
  #lose(): void {
    void this.close();
    this.#pool = undefined;
  }

  #digestOf(authorization: string): string {
    return hashOf('sha256', this.#secret + authorization, 'binary');
  }

  #remember(digest: string, name: ByteString, hash: ByteString): void {
    const { rememberedPasswordsMax, rememberedPasswordMsMax } = this.#limits;
    this.#remembered.delete(digest);
    this.#remembered.set(digest, { name, hash, untilMs: this.#nowMs() + rememberedPasswordMsMax });
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= rememberedPasswordsMax) break;
      this.#remembered.delete(oldest);
    }
  }

  #leave(user: ByteString): void {
    const left = (this.#waitingOfUser.get(user) ?? 1) - 1;
    if (left === 0) this.#waitingOfUser.delete(user);
    else this.#waitingOfUser.set(user, left);
  }
}

/** @param onError called when a thread could not begin: what it was to do would wait for ever. */
async function openPool(onError: () => void): Promise<PasswordPool> {
  const { Piscina } = loadThreadPools();
  const pool = new Piscina({
    filename: siblingModule(import.meta.url, 'password-job').href,
    ...threadFlags,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_THREAD_MS,
  });
  return pool.on('error', onError);
}

/**
 * bcrypt takes the UTF-8 of a text. Bytes that are none were no password ever, since those come as JSON; as a text they
 * would be taken for one in which U+FFFD stands. What bcrypt does not look at may be anything.
 */
function textOfPassword(password: ByteString): string | undefined {
  const text = textOf(password);
  return bcryptPartOf(byteStringOf(text)) === bcryptPartOf(password) ? text : undefined;
}

function bcryptPartOf(password: ByteString): string {
  return password.slice(0, PASSWORD_BYTES_MAX);
}
