/**
 * Reads large forms, one after the other, a part each turn of the event loop: others' requests and answers come in between,
 * whatever forms of many megabytes are made of (native-bench, "hostile": some held everybody up for seconds).
 */
import type { Form, FormFault } from '../../protocol/form.ts';
import { FormReader } from '../../protocol/form-reader.ts';

/** What a turn reads: a tenth of a millisecond, or half of one where each few bytes are a field of their own. */
const TURN_SIZE_BYTES = 32 * 1024;

interface LargeForm {
  readonly reader: FormReader;
  readonly isWanted: () => boolean;
  readonly onRead: (form: Form | FormFault) => void;
}

export class LargeForms {
  readonly #waiting: LargeForm[] = [];

  /**
   * @param bytes are overwritten.
   * @param isWanted asked each turn: the client may have gone.
   * @param onRead called later, unless it is not wanted any more.
   */
  read(bytes: Uint8Array, isWanted: () => boolean, onRead: (form: Form | FormFault) => void): void {
    this.#waiting.push({ reader: new FormReader(bytes), isWanted, onRead });
    if (this.#waiting.length === 1) setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    const [{ reader, isWanted, onRead }] = this.#waiting as [LargeForm];
    const isWantedStill = isWanted();
    if (!isWantedStill || reader.readOn(TURN_SIZE_BYTES)) {
      this.#waiting.shift();
      if (isWantedStill) onRead(reader.form);
    }
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };
}
