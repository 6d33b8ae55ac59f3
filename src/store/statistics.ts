/** The counters of `/v2/stats/store`. One function decides which counter an outcome moves. Source: etcd 3.4.23, asked (`test/differential`). */
import { STORE_COUNTERS } from '../protocol/answers.ts';
import { Op } from '../protocol/command.ts';
import { Failure } from './failure.ts';

const GETS = 0;
const SETS_FAIL = 3;
const EXPIRE_COUNT = 14;

/** Position of the success counter of each operation; its failure counter follows. */
const SUCCESS_OF: Record<number, number> = {
  [Op.get]: GETS,
  [Op.set]: 2,
  [Op.delete]: 4,
  [Op.update]: 6,
  [Op.create]: 8,
  [Op.createInOrder]: 8,
  [Op.compareAndSwap]: 10,
  [Op.compareAndDelete]: 12,
};

export class Statistics {
  /** In the order of STORE_COUNTERS. */
  readonly counts: number[] = STORE_COUNTERS.map(() => 0);

  /** Counts one operation by its outcome. */
  count(op: Op, outcome: unknown): void {
    const success = SUCCESS_OF[op] as number;
    if (!(outcome instanceof Failure)) {
      this.#add(success);
      return;
    }
    this.#add(success + 1);
    // etcd counts this twice: its create shares the code of set, which counts a bad directory as a failed set.
    const isCreate = op === Op.create || op === Op.createInOrder;
    if (isCreate && outcome.code === 104) this.#add(SETS_FAIL);
  }

  countExpiry(): void {
    this.#add(EXPIRE_COUNT);
  }

  /** etcd looks up users, roles and the switch by reads that it counts. */
  countLookUps(made: number, inVain: number): void {
    this.counts[GETS] = (this.counts[GETS] as number) + made;
    this.counts[GETS + 1] = (this.counts[GETS + 1] as number) + inVain;
  }

  get expiryCount(): number {
    return this.counts[EXPIRE_COUNT] as number;
  }

  /** etcd answers `/health` by a read that it counts. */
  countHealthCheck(): void {
    this.#add(GETS);
  }

  /** Reads are not journaled: their counters begin anew with each start, as the real server's do. */
  forgetGets(): void {
    this.counts[GETS] = 0;
    this.counts[GETS + 1] = 0;
  }

  #add(position: number): void {
    this.counts[position] = (this.counts[position] as number) + 1;
  }
}
