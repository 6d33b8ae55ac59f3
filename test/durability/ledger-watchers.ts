/** The watchers of the kill loop: they continue where they were when the server went away. */
import { type EventShape, eventOf } from '../support/api-test.ts';
import type { OpenWatch } from '../support/http.ts';
import { ApiClient } from '../support/http.ts';
import type { Ledger } from './ledger.ts';

/** Watches one directory, as a stream or event by event, and keeps all that it sees. */
export class LedgerWatcher {
  readonly events = new Map<number, EventShape>();
  /** Of the last event; the next watch asks for what comes after it. */
  lastIndex: number;
  readonly #ledger: Ledger;
  readonly #target: string;
  readonly #isStream: boolean;
  #wake: () => void = () => {};

  /** @param lastIndex nothing is expected up to here. */
  constructor(ledger: Ledger, directory: string, isStream: boolean, lastIndex: number) {
    this.#ledger = ledger;
    this.#isStream = isStream;
    this.#target = `${directory}?wait=true&recursive=true${isStream ? '&stream=true' : ''}`;
    this.lastIndex = lastIndex;
  }

  /** Resolves when the server is gone. */
  async run(url: string): Promise<void> {
    const api = new ApiClient(url);
    try {
      for (;;) await this.#follow(await api.watch(`${this.#target}&waitIndex=${this.lastIndex + 1}`));
    } catch {
      // Refused: the server is gone.
    } finally {
      await api.close();
      this.#wake();
    }
  }

  /** Resolves when everything up to `index` has been seen, or to false when the server is gone before. */
  async reaches(index: number): Promise<boolean> {
    while (this.lastIndex < index) {
      const before = this.lastIndex;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      if (this.lastIndex === before) return false;
    }
    return true;
  }

  async #follow(watch: OpenWatch): Promise<void> {
    while (await watch.until(() => watch.lines.length > 0 || watch.ended, 600_000)) {
      const lines = watch.lines.splice(0);
      for (const line of lines) this.#see(line);
      if (watch.ended && watch.lines.length === 0) break;
    }
    await watch.close();
  }

  #see(line: string): void {
    const event = eventOf(line);
    const { key = '', value = '', modifiedIndex } = event.node;
    if (modifiedIndex === undefined) {
      this.#ledger.violate(`a watcher got ${line}`);
      return;
    }
    if (modifiedIndex <= this.lastIndex) {
      this.#ledger.violate(`a watcher at ${this.lastIndex} got ${line}`);
      return;
    }
    // A stream of everything sees each index.
    if (this.#isStream && modifiedIndex !== this.lastIndex + 1) {
      this.#ledger.violate(`a watcher at ${this.lastIndex} got ${modifiedIndex} next`);
    }
    this.#ledger.tell(modifiedIndex, key, value);
    this.events.set(modifiedIndex, event);
    this.lastIndex = modifiedIndex;
    this.#wake();
  }
}
