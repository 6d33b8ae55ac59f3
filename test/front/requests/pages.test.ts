import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ControlOp } from '../../../src/frame/command-frame.ts';
import { SlotState, Slots } from '../../../src/front/exchange/slots.ts';
import type { StoreClient } from '../../../src/front/exchange/store-client.ts';
import { Page, Pages } from '../../../src/front/requests/pages.ts';
import { FakeResponse } from '../fake-response.ts';

/** Adds what `writeOwnAnswer` needs. */
class PageResponse extends FakeResponse {
  page = '';
  writeStatus(): this {
    return this;
  }
  writeHeader(): this {
    return this;
  }
  override end(body?: Uint8Array): void {
    super.end();
    this.page = Buffer.from(body ?? []).toString();
  }
}

/** A client whose store says nothing by itself. */
function aRig(waitMsMax: number) {
  const slots = new Slots();
  const asked: number[] = [];
  const client = {
    slots,
    sendControl: (op: number, slot: number) => {
      expect(op).toBe(ControlOp.takeReading);
      asked.push(slot);
    },
  } as unknown as StoreClient;
  const pages = new Pages((page, reading) => `page ${page}: ${reading?.nodes ?? 'nothing'}`, waitMsMax);
  const ask = (page: Page) => {
    const response = new PageResponse();
    const slot = slots.claim(response.asResponse);
    pages.ask(client, slot, page, false);
    return { response, slot };
  };
  return { slots, asked, pages, ask };
}

const reading = Buffer.from('{"nodes":7}');

test('a page is made of what the store says, each for who has asked', () => {
  const { asked, pages, ask } = aRig(60_000);
  const [metrics, vars] = [ask(Page.metrics), ask(Page.vars)];
  expect(asked).toEqual([metrics.slot, vars.slot]);
  pages.tell(vars.slot, vars.response.asResponse, reading);
  expect([metrics.response.page, vars.response.page]).toEqual(['', 'page 1: 7']);
  pages.tell(metrics.slot, metrics.response.asResponse, reading);
  expect(metrics.response.page).toBe('page 0: 7');
});

test('a store that is silent does not keep the page; its late frame frees the slot, and says nothing', async () => {
  const { slots, pages, ask } = aRig(10);
  const { response, slot } = ask(Page.metrics);
  await expect.poll(() => response.page).toBe('page 0: nothing');
  expect(slots.stateOf(slot)).toBe(SlotState.abandoned);
  slots.release(slot);
  const later = new PageResponse();
  pages.tell(slot, later.asResponse, reading);
  expect(later.isEnded).toBe(false);
});

test('nothing is written to a client that has gone', async () => {
  const { pages, slots, ask } = aRig(10);
  const { response, slot } = ask(Page.metrics);
  pages.forget(slot);
  slots.abandon(slot);
  await sleep(50);
  expect(response.isEnded).toBe(false);
});
