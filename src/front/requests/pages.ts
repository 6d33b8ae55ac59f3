/**
 * The pages that a server tells about itself. Each is made of what all threads have counted and of what the store says
 * when asked; a store that is silent, because it is busy or because its answer waits for the disk, must not keep the
 * page: it is told without, after a while.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { ControlOp } from '../../frame/command-frame.ts';
import type { StoreReading } from '../../metrics/store-reading.ts';
import { writeOwnAnswer } from '../answers/responder.ts';
import type { StoreClient } from '../exchange/store-client.ts';

export const Page = { metrics: 0, vars: 1 } as const;
export type Page = (typeof Page)[keyof typeof Page];

const CONTENT_TYPES = ['text/plain; version=0.0.4; charset=utf-8', 'application/json; charset=utf-8'] as const;

/** @param reading undefined when the store has not said anything in time. */
export type PageRenderer = (page: Page, reading: StoreReading | undefined) => string;

interface AwaitedPage {
  readonly page: Page;
  readonly isHead: boolean;
  readonly timer: NodeJS.Timeout;
}

export class Pages {
  readonly #render: PageRenderer;
  readonly #waitMsMax: number;
  /** By slot. */
  readonly #awaited = new Map<number, AwaitedPage>();

  constructor(render: PageRenderer, waitMsMax: number) {
    this.#render = render;
    this.#waitMsMax = waitMsMax;
  }

  /** Asks the store of `client` for the page that is to be the answer of a slot. */
  ask(client: StoreClient, slot: number, page: Page, isHead: boolean): void {
    const timer = setTimeout(() => this.#tellWithout(client, slot), this.#waitMsMax);
    this.#awaited.set(slot, { page, isHead, timer });
    client.sendControl(ControlOp.takeReading, slot);
  }

  /** The store has said something for a slot. To be called corked. */
  tell(slot: number, response: HttpResponse, body: Uint8Array): void {
    const text = Buffer.from(body.buffer, body.byteOffset, body.length).latin1Slice();
    this.#write(slot, response, JSON.parse(text) as StoreReading);
  }

  /** The client of a slot has gone, whatever it has asked for. */
  forget(slot: number): void {
    if (this.#awaited.size === 0) return;
    clearTimeout(this.#awaited.get(slot)?.timer);
    this.#awaited.delete(slot);
  }

  #tellWithout(client: StoreClient, slot: number): void {
    const response = client.slots.responseOf(slot);
    // Its frame will still come, and frees the slot then.
    client.slots.abandon(slot);
    response.cork(() => this.#write(slot, response, undefined));
  }

  #write(slot: number, response: HttpResponse, reading: StoreReading | undefined): void {
    const awaited = this.#awaited.get(slot);
    this.forget(slot);
    if (awaited === undefined) return;
    const { page, isHead } = awaited;
    const body = Buffer.from(this.#render(page, reading));
    writeOwnAnswer(response, 200, CONTENT_TYPES[page], {}, body, isHead);
  }
}
