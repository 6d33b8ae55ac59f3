import { expect, test } from 'vitest';
import { ControlOp } from '../../../src/frame/command-frame.ts';
import { CommandSender } from '../../../src/front/exchange/command-sender.ts';
import { DOORBELL_WORDS, Doorbell } from '../../../src/ring/doorbell.ts';
import { linkEnds } from '../../frame/links.ts';

test('the store is woken for commands, once, and left asleep when there are none', () => {
  const words = new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT));
  const bell = new Doorbell(words);
  const sender = new CommandSender(linkEnds(1024).producerEnd, bell);
  const fallAsleep = () => void new Doorbell(words).parkAsync(() => false);

  fallAsleep();
  sender.wakeStore();
  expect(bell.wakes).toBe(0);
  sender.sendControl(ControlOp.cancelWatch, 1, 0);
  sender.sendControl(ControlOp.cancelWatch, 2, 0);
  sender.wakeStore();
  expect(bell.wakes).toBe(1);

  fallAsleep();
  sender.wakeStore();
  expect(bell.wakes).toBe(1);
});
