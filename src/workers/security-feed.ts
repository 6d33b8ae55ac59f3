/**
 * Keeps the front ends' copies of users and roles up to date: after each change they are told what is new, in the order
 * of everything and behind the gate of the command that made it.
 *
 * A copy may be behind, since each front end takes its frames when it can and not before they are durable. So the version
 * goes into shared memory before anybody is told that the change was made: a front end whose copy is older judges nobody
 * until the news have come. Whoever has been told of a change finds it in force everywhere.
 */
import type { LookUps } from '../frame/command-frame.ts';
import type { SharedWords } from '../frame/shared-words.ts';
import type { Security } from '../store/security.ts';
import { newsSince, wholeNews } from '../store/security-news.ts';
import type { Store } from '../store/store.ts';
import type { ReplyWriter } from './reply-writer.ts';

export class SecurityFeed {
  readonly #store: Store;
  readonly #security: Security;
  readonly #words: SharedWords;
  #version = 0;
  /** `Security.hasSwitch`, which every request on the key space asks for. */
  #hasSwitch = false;

  constructor(store: Store, security: Security, words: SharedWords) {
    this.#store = store;
    this.#security = security;
    this.#words = words;
  }

  /** Tells all there is: at the start, when there is anything, and when the disk has made the latest changes undone. */
  tellAll(frontEnds: readonly ReplyWriter[]): void {
    if (this.#version === 0 && this.#security.nodes().length === 0) return;
    this.#moveOn();
    this.#tell(frontEnds, wholeNews(this.#security));
  }

  /**
   * Makes the copies old if anything has changed since the etcd index was `lastIndex`; `tellSince` must follow. They are
   * apart because the news, like events, must not lie in a reply ring before the command that made them is in the journal's.
   */
  noteChange(lastIndex: number): boolean {
    const isChange = this.#store.index !== lastIndex;
    if (isChange) this.#moveOn();
    return isChange;
  }

  tellSince(lastIndex: number, frontEnds: readonly ReplyWriter[]): void {
    this.#tell(frontEnds, newsSince(lastIndex, this.#store) ?? wholeNews(this.#security));
  }

  /** Counts the look-up that each request on the key space costs. */
  countSwitch(): void {
    this.#store.statistics.countLookUps(this.#hasSwitch ? 1 : 0, this.#hasSwitch ? 0 : 1);
  }

  count({ requests, made, inVain }: LookUps): void {
    if (this.#hasSwitch) this.#store.statistics.countLookUps(made + requests, inVain);
    else this.#store.statistics.countLookUps(made, inVain + requests);
  }

  #moveOn(): void {
    this.#hasSwitch = this.#security.hasSwitch;
    this.#version++;
    this.#words.securityVersion = this.#version;
  }

  #tell(frontEnds: readonly ReplyWriter[], news: string): void {
    for (const replies of frontEnds) replies.security(this.#version, news);
  }
}
