/** Entry of a thread that parks with a promise, and has nothing else to do. */
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';

const doorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)));
void doorbell.parkAsync(() => false);
