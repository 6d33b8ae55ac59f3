import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../src/base/assert.ts';
import { LargeAnswer } from '../../../src/front/answers/large-answer.ts';
import { ChunkPen } from '../../../src/front/answers/pens.ts';
import { SLOTS_MAX, SlotState, Slots } from '../../../src/front/exchange/slots.ts';
import { StreamBacklog } from '../../../src/front/exchange/stream-backlog.ts';
import { FakeResponse } from '../fake-response.ts';

type State = keyof typeof SlotState;

/** What may happen to a slot, by its state, and the state after it; `free` after a release. */
const TRANSITIONS: Record<
  Exclude<State, 'free'>,
  readonly ('answer' | 'send' | 'open' | 'abandon' | 'cancel' | 'release')[]
> = {
  waiting: ['answer', 'send', 'open', 'abandon'],
  abandoned: ['answer', 'cancel'],
  watching: ['cancel', 'release', 'send'],
  cancelling: ['release'],
  sending: ['release'],
};

/** Nobody is told how an answer ends. */
const NOBODY = { onDone: () => {}, onStalled: () => {} };

const aResponse = () => new FakeResponse().asResponse;

function anAnswer(): LargeAnswer {
  const response = aResponse();
  return new LargeAnswer(response, new ChunkPen(response), [], 1000, NOBODY);
}

test('a slot is never handed out before it is released, and the count of those that wait is that of a plain list', () => {
  const deed = fc.record({ claims: fc.boolean(), which: fc.nat(), what: fc.nat() });
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 150, size: 'max' }), (deeds) => {
      let told = 0;
      const slots = new Slots(SLOTS_MAX, (count) => {
        told = count;
      });
      const model = new Map<number, Exclude<State, 'free'>>();
      for (const { claims, which, what } of deeds) {
        if (claims || model.size === 0) {
          const slot = slots.claim(aResponse());
          expect(model.has(slot)).toBe(false);
          model.set(slot, 'waiting');
        } else {
          const [slot, state] = [...model][which % model.size] as [number, Exclude<State, 'free'>];
          const choices = TRANSITIONS[state];
          const next = happen(slots, slot, choices[what % choices.length] as (typeof choices)[number]);
          if (next === 'free') model.delete(slot);
          else model.set(slot, next);
        }
        for (const [slot, state] of model) expect(slots.stateOf(slot)).toBe(SlotState[state]);
        const states = [...model.values()];
        const watches = states.filter((state) => state === 'watching' || state === 'cancelling').length;
        expect(slots.waitingCount).toBe(states.length - watches);
        expect(told).toBe(slots.waitingCount);
        const watching = [...model].filter(([, state]) => state === 'watching').map(([slot]) => slot);
        expect([...slots.watching()]).toEqual(watching.sort((a, b) => a - b));
      }
    }),
  );
});

function happen(
  slots: Slots,
  slot: number,
  what: (typeof TRANSITIONS)['waiting'][number] | 'cancel' | 'release',
): State {
  switch (what) {
    case 'send':
      slots.startSending(slot, anAnswer());
      return 'sending';
    case 'open':
      slots.startWatching(slot);
      return 'watching';
    case 'abandon':
      slots.abandon(slot);
      return 'abandoned';
    case 'cancel':
      slots.startCancelling(slot);
      return 'cancelling';
    default:
      slots.release(slot);
      return 'free';
  }
}

describe('a slot', () => {
  test('that is released twice is a mistake of ours', () => {
    const slots = new Slots();
    const slot = slots.claim(aResponse());
    slots.release(slot);
    expect(() => slots.release(slot)).toThrow(InvariantError);
    expect(() => slots.release(77)).toThrow(InvariantError);
  });

  test('has no response any more once its client is gone', () => {
    const slots = new Slots();
    const slot = slots.claim(aResponse());
    slots.abandon(slot);
    expect(() => slots.responseOf(slot)).toThrow(InvariantError);
  });

  test('leaves no backlog to the next request', () => {
    const slots = new Slots();
    const response = aResponse();
    const slot = slots.claim(response);
    slots.startWatching(slot);
    slots.setBacklog(slot, new StreamBacklog(response, 10));
    slots.startCancelling(slot);
    // At once: how long the store takes to say that it has gone is not known.
    expect(slots.backlogOf(slot)).toBeUndefined();
    slots.release(slot);
    expect(slots.claim(aResponse())).toBe(slot);
    expect(slots.backlogOf(slot)).toBeUndefined();
  });

  test('whose large answer has lost its reader stops that answer', () => {
    const slots = new Slots();
    const fake = new FakeResponse();
    fake.writeResults.push(false);
    const slot = slots.claim(fake.asResponse);
    const answer = new LargeAnswer(
      fake.asResponse,
      new ChunkPen(fake.asResponse),
      [new Uint8Array(10), new Uint8Array(10)],
      1000,
      NOBODY,
    );
    slots.startSending(slot, answer);
    answer.start();
    slots.release(slot);
    fake.onWritableHandler?.();
    expect(fake.written).toHaveLength(1);
    expect(fake.isEnded).toBe(false);
  });
});

test('no more requests wait than may, watches left out', () => {
  const slots = new Slots(3);
  const [first, second] = [slots.claim(aResponse()), slots.claim(aResponse()), slots.claim(aResponse())];
  expect(slots.claim(aResponse())).toBe(-1);
  slots.startWatching(first as number);
  expect(slots.claim(aResponse())).not.toBe(-1);
  // A client that has gone leaves its request behind.
  slots.abandon(second as number);
  expect(slots.claim(aResponse())).toBe(-1);
  slots.release(second as number);
  expect(slots.claim(aResponse())).toBe(second);
  expect(slots.claim(aResponse())).toBe(-1);
});

test('there are as many slots as a frame can name, and no more', () => {
  const slots = new Slots();
  const response = aResponse();
  for (let count = 0; count < SLOTS_MAX; count++) slots.claim(response);
  expect(slots.claim(response)).toBe(-1);
  expect(slots.claim(response)).toBe(-1);
  expect(slots.waitingCount).toBe(SLOTS_MAX);
  slots.release(5);
  expect(slots.claim(response)).toBe(5);
});
