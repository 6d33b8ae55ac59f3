/**
 * Reads large forms, one after the other, a part each turn of the event loop: others' requests and answers come in between,
 * whatever forms of many megabytes are made of (native-bench, "hostile": some held everybody up for seconds).
 */
import { FormReader } from '../../protocol/form-reader.ts';
import type { Kernel } from '../../protocol/kernel.ts';
import type { BodyShare } from '../exchange/body-budget.ts';

/** What a turn reads: a tenth of a millisecond, or half of one where each few bytes are a field of their own. */
const TURN_SIZE_BYTES = 32 * 1024;

const NO_BYTES = Buffer.alloc(0);

interface LargeForm {
  readonly share: BodyShare;
  readonly isWanted: () => boolean;
  readonly onRead: (form: FormReader) => void;
}

export class LargeForms {
  readonly #kernel: Kernel;
  readonly #waiting: LargeForm[] = [];
  /** Of the first of them. */
  #reader: FormReader | undefined;
  /** For whichever is being read: to get new memory for each takes three times as long as to copy the form. */
  #bytes: Buffer = NO_BYTES;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /**
   * @param share where it lies; its blocks are free when it has been read.
   * @param isWanted asked each turn: when its client has gone the share is another's.
   * @param onRead called later, unless it is not wanted any more; what was read holds until it returns.
   */
  read(share: BodyShare, isWanted: () => boolean, onRead: (form: FormReader) => void): void {
    this.#waiting.push({ share, isWanted, onRead });
    if (this.#waiting.length === 1) setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    const [first] = this.#waiting as [LargeForm];
    const isWanted = first.isWanted();
    if (isWanted && !this.#readOn(first)) {
      setImmediate(this.#turn);
      return;
    }
    const reader = this.#reader;
    this.#reader = undefined;
    this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#turn);
    if (isWanted && reader !== undefined) first.onRead(reader);
  };

  /** @returns whether all of it has been read. */
  #readOn({ share }: LargeForm): boolean {
    this.#reader ??= this.#newReader(share);
    if (!this.#reader.readOn(TURN_SIZE_BYTES)) return false;
    share.letGoOfBlocks();
    return true;
  }

  #newReader(share: BodyShare): FormReader {
    if (this.#bytes.length < share.sizeBytes) this.#bytes = Buffer.allocUnsafeSlow(share.sizeBytes);
    return new FormReader(share, this.#bytes, this.#kernel);
  }

  /** Of the memory that is kept to be used again. @returns how much that was, in bytes. */
  letGo(): number {
    if (this.#waiting.length > 0) return 0;
    const { length } = this.#bytes;
    this.#bytes = NO_BYTES;
    return length;
  }
}
