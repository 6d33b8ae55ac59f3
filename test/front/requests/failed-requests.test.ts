/** An exception on the way of a request, wherever it comes: its connection is closed, and nothing of it is left. */
import type { HttpRequest } from 'uWebSockets.js';
import { beforeEach, expect, test } from 'vitest';
import type { HttpApp, HttpHandler } from '../../../src/front/connections/http-app.ts';
import { BodyBudget } from '../../../src/front/exchange/body-budget.ts';
import { SlotState, Slots } from '../../../src/front/exchange/slots.ts';
import type { StoreClient } from '../../../src/front/exchange/store-client.ts';
import { FrontEnd, type FrontEndOptions } from '../../../src/front/front-end.ts';
import type { FrontEndMetrics } from '../../../src/metrics/front-end-metrics.ts';
import { FORM_TYPE } from '../../../src/protocol/content-type.ts';
import { FakeResponse } from '../fake-response.ts';

/** Tells of its end as the library does: once, and only if it was not answered. */
class ClosingResponse extends FakeResponse {
  failsToWrite = false;
  #onAborted = () => {};
  #onData: (chunk: ArrayBuffer, isLast: boolean) => void = () => {};

  override close(): void {
    if (!this.isEnded && !this.isClosed) this.#onAborted();
    super.close();
  }
  onAborted(handler: () => void): void {
    this.#onAborted = handler;
  }
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    this.#onData = handler;
  }
  arrive(body: string): void {
    this.#onData(Uint8Array.from(Buffer.from(body)).buffer, true);
  }
  writeStatus(): this {
    if (this.failsToWrite) throw new Error('no memory for an answer');
    return this;
  }
  writeHeader(): this {
    return this;
  }
}

let slots: Slots;
let errors: string[];
let put: HttpHandler;
let verdict: (() => void) | undefined;
/** Whether the store takes a command. */
let isTaken: boolean;
/** From now on rights are looked at. */
let turnOn: () => void;

beforeEach(() => {
  slots = new Slots();
  errors = [];
  verdict = undefined;
  isTaken = false;
  const send = () => {
    if (!isTaken) throw new Error('no memory for a command');
  };
  const metrics = { count: () => {}, noteBodyBytes: () => {} } as unknown as FrontEndMetrics;
  const store = {
    ...{ slots, metrics, bodies: new BodyBudget(1 << 20, metrics), timeMs: 0 },
    ...{ sendPlainWrite: send, sendCommand: send, abort: (slot: number) => slots.abandon(slot) },
  } as unknown as StoreClient;
  const access = {
    isOpen: true,
    judgeNow: () => undefined,
    judge: (_: unknown, onVerdict: (verdict: string, lookUps: number) => void) => {
      verdict = () => onVerdict('allowed', 0);
    },
  };
  const options = {
    ...{ identity: { clusterId: 'c' }, access, pages: { forget: () => {} } },
    limits: { requestBytesMax: 1 << 20, pathDepthMax: 100, gzipFromBytes: Number.POSITIVE_INFINITY },
    onError: (error: unknown) => errors.push((error as Error).message),
  } as unknown as FrontEndOptions;
  const app = { get: () => {}, post: () => {}, any: () => {}, put: (_: string, handle: HttpHandler) => (put = handle) };
  new FrontEnd(store, options).serveOn(app as unknown as HttpApp);
  turnOn = () => Object.assign(access, { isOpen: false });
});
function begin(query = ''): ClosingResponse {
  const headers = new Map([
    ['content-type', FORM_TYPE],
    ['content-length', '9'],
  ]);
  const request = {
    getUrl: () => '/v2/keys/a',
    getQuery: () => query,
    getHeader: (name: string) => headers.get(name) ?? '',
    getCaseSensitiveMethod: () => 'PUT',
  };
  const response = new ClosingResponse();
  put(response.asResponse, request as unknown as HttpRequest);
  return response;
}

const nothingIsLeft = () => expect([slots.waitingCount, slots.stateOf(0)]).toEqual([0, SlotState.free]);

test.each([
  ['a value', ''],
  ['a command', 'dir=false'],
])('%s that could not be sent frees its slot, since no answer will', (_, query) => {
  const response = begin(query);
  response.arrive('value=bar');
  expect(errors).toEqual(['no memory for a command']);
  expect(response.isClosed).toBe(true);
  nothingIsLeft();
});

test('a large form that could not be sent, read a part at a time, does, too', async () => {
  const response = begin();
  response.arrive(`value=${'a'.repeat(100_000)}`);
  await expect.poll(() => response.isClosed).toBe(true);
  expect(errors).toEqual(['no memory for a command']);
  nothingIsLeft();
});

test('so does one that was judged first', () => {
  turnOn();
  const response = begin();
  response.arrive('value=bar');
  expect(slots.waitingCount).toBe(1);
  verdict?.();
  expect(errors).toEqual(['no memory for a command']);
  expect(response.isClosed).toBe(true);
  nothingIsLeft();
});

test('and one whose refusal could not be written', () => {
  const response = begin('ttl=never');
  response.failsToWrite = true;
  response.arrive('value=bar');
  expect(errors).toEqual(['no memory for an answer']);
  expect(response.isClosed).toBe(true);
  nothingIsLeft();
});

test('a command that the store has keeps its slot when its client goes: its answer will come', () => {
  isTaken = true;
  const response = begin();
  response.arrive('value=bar');
  response.close();
  expect([slots.waitingCount, slots.stateOf(0)]).toEqual([1, SlotState.abandoned]);
});
