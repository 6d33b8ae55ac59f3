import { expect, test } from 'vitest';
import { SpinTrial } from '../../src/ring/spin-trial.ts';

/** A client that is answered at two paces: while there are spins, and while there are none. */
class Client {
  nowMs = 1000;
  restedMs = 0;
  readonly #trial: SpinTrial;
  readonly #spunMs: number;
  readonly #restingMs: number;
  readonly #vainEvery: number;
  #spins = 0;

  constructor(trial: SpinTrial, spunMs: number, restingMs: number, vainEvery: number) {
    this.#trial = trial;
    this.#spunMs = spunMs;
    this.#restingMs = restingMs;
    this.#vainEvery = vainEvery;
  }

  /** @returns which share of the time there was no spin. */
  runFor(ms: number): number {
    const endMs = this.nowMs + ms;
    this.restedMs = 0;
    while (this.nowMs < endMs) {
      const { isOn } = this.#trial;
      const roundMs = isOn ? this.#spunMs : this.#restingMs;
      if (isOn) this.#trial.ended(this.#spins++ % this.#vainEvery === 0);
      else this.restedMs += roundMs;
      this.nowMs += roundMs;
      this.#trial.noteWork(this.nowMs, 1);
    }
    return this.restedMs / ms;
  }
}

test('a few spins in vain are no reason to rest', () => {
  const client = new Client(new SpinTrial(), 0.04, 0.1, 100);
  expect(client.runFor(5_000)).toBe(0);
});

test('where spins keep the core from those who bring the work, there are hardly any', () => {
  const client = new Client(new SpinTrial(), 0.3, 0.08, 10);
  client.runFor(10_000);
  expect(client.runFor(20_000)).toBeGreaterThan(0.9);
});

test('where as much is done without spins that are in vain, there are hardly any', () => {
  const client = new Client(new SpinTrial(), 0.1, 0.1, 10);
  client.runFor(10_000);
  expect(client.runFor(20_000)).toBeGreaterThan(0.9);
});

test('where less is done without, there are spins, though some are in vain', () => {
  const client = new Client(new SpinTrial(), 0.04, 0.12, 20);
  expect(client.runFor(20_000)).toBeLessThan(0.1);
});

test('when the cores are free again there are spins again, soon', () => {
  const trial = new SpinTrial();
  const busy = new Client(trial, 0.3, 0.08, 10);
  busy.runFor(20_000);
  const free = new Client(trial, 0.04, 0.12, 1000);
  free.nowMs = busy.nowMs;
  free.runFor(4_000);
  expect(free.runFor(10_000)).toBe(0);
});

test('after a silence it is tried anew', () => {
  const trial = new SpinTrial();
  const client = new Client(trial, 0.3, 0.08, 10);
  client.runFor(150);
  expect(trial.isOn).toBe(false);
  trial.noteWork(client.nowMs + 60_000, 1);
  expect(trial.isOn).toBe(true);
});

test('what was in vain for a rare client is not held against the next one', () => {
  const trial = new SpinTrial();
  const rare = new Client(trial, 20, 20, 1);
  expect(rare.runFor(60_000)).toBe(0);
  const frequent = new Client(trial, 0.04, 0.12, 1000);
  frequent.nowMs = rare.nowMs + 20;
  expect(frequent.runFor(5_000)).toBe(0);
});
