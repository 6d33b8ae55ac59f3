import { expect, test } from 'vitest';
import type { ByteString } from '../../../src/base/byte-string.ts';
import { CommandReader, ControlOp } from '../../../src/frame/command-frame.ts';
import { LinkConsumer } from '../../../src/frame/link.ts';
import { CommandSender } from '../../../src/front/exchange/command-sender.ts';
import { Flag, Op } from '../../../src/protocol/command.ts';
import { Kernel } from '../../../src/protocol/kernel.ts';
import { ValueForm } from '../../../src/protocol/value-form.ts';
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

test('a value that waits for room stays what it was, whatever is read after it', () => {
  const bell = new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * Int32Array.BYTES_PER_ELEMENT)));
  const { producerEnd, consumerEnd } = linkEnds(1024);
  const sender = new CommandSender(producerEnd, bell);
  const form = new ValueForm(1024, new Kernel());
  const values = Array.from({ length: 20 }, (_, count) => `{"count":${count}}`);
  for (const value of values) {
    expect(form.read(Buffer.from(`value=${encodeURIComponent(value)}`))).toBe(true);
    const life = 1000 + value.length;
    sender.sendValueBytes(Op.set, Flag.hasExpiration, 1, 0, '/key', form, '' as ByteString, 0n, life, 0);
  }
  expect(sender.queuedCount).toBeGreaterThan(0);
  const consumer = new LinkConsumer(consumerEnd);
  const command = new CommandReader();
  const heard: string[] = [];
  while (heard.length < values.length) {
    sender.flush();
    sender.publish();
    while (consumer.next()) {
      command.read(consumer.bytes, consumer.view, consumer.frameOffset, consumer.frameSizeBytes);
      heard.push(command.value);
      expect(command.expirationMs).toBe(1000 + command.value.length);
    }
    consumer.release();
  }
  expect(heard).toEqual(values);
});
