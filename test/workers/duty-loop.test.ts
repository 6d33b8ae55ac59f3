import { describe, expect, test } from 'vitest';
import { DOORBELL_WORDS, Doorbell } from '../../src/ring/doorbell.ts';
import { SpinPolicy } from '../../src/ring/spin-policy.ts';
import { type Duty, runDuty } from '../../src/workers/duty-loop.ts';

/** A duty with so many pieces of work, of which each turn does some; `onIdle` is asked when there is none. */
function dutyOf(pieces: number, perTurn: number, onIdle: () => void = () => {}) {
  const duty: Duty & { left: number; turns: number } = {
    left: pieces,
    turns: 0,
    idleMsMax: 5,
    isCrowded: false,
    turn(): number {
      duty.turns++;
      const done = Math.min(duty.left, perTurn);
      duty.left -= done;
      if (done === 0) onIdle();
      return done;
    },
    hasWork: () => duty.left > 0,
  };
  return duty;
}

const bell = () => new Doorbell(new Int32Array(new SharedArrayBuffer(DOORBELL_WORDS * 4)));

describe('a thread that is to stop', () => {
  test.each([0, 1])('does what is left first, with a spin of %i ms', (spinMs) => {
    const duty = dutyOf(10, 3);
    runDuty(duty, bell(), () => true, new SpinPolicy(spinMs, 0.2));
    expect(duty.left).toBe(0);
    expect(duty.turns).toBe(5);
  });
});

describe('a thread with nothing to do', () => {
  test('sleeps until its next deadline, and looks for work then', () => {
    const ownBell = bell();
    let rounds = 0;
    const duty = dutyOf(0, 1, () => {
      rounds++;
      if (rounds === 3) duty.left = 1;
    });
    runDuty(duty, ownBell, () => rounds >= 5, new SpinPolicy(0, 0.2));
    expect(ownBell.parks).toBeGreaterThanOrEqual(3);
    expect(duty.left).toBe(0);
  });

  test('does not sleep when work has come between its last turn and the park', () => {
    const ownBell = bell();
    let hasCome = false;
    const duty = dutyOf(0, 1, () => {
      if (!hasCome) duty.left = 1;
      hasCome = true;
    });
    runDuty(duty, ownBell, () => hasCome && duty.left === 0, new SpinPolicy(0, 0.2));
    expect(ownBell.parks).toBe(0);
    expect(duty.left).toBe(0);
  });
});

describe('a thread to which work comes one by one', () => {
  /** One piece every so often, `pieces` times in all. @returns how often the thread slept. */
  function parksOf(isCrowded: boolean, spin: SpinPolicy): number {
    const ownBell = bell();
    const pieces = 300;
    let come = 0;
    let nextMs = performance.now();
    const duty = {
      idleMsMax: 0.05,
      isCrowded,
      hasWork: () => come < pieces && performance.now() >= nextMs,
      turn(): number {
        if (!duty.hasWork()) return 0;
        come++;
        nextMs = performance.now() + 0.05;
        return 1;
      },
    };
    runDuty(duty, ownBell, () => come >= pieces, spin);
    return ownBell.parks;
  }

  /** The pace of a machine in use is not to be foretold. */
  class Willing extends SpinPolicy {
    override get isWorthwhile(): boolean {
      return true;
    }
    override goesOn(): boolean {
      return true;
    }
  }

  test('spins instead of sleeping each time, unless it comes from a crowd', () => {
    expect(parksOf(false, new Willing(50, 0.2))).toBe(0);
    expect(parksOf(true, new Willing(50, 0.2))).toBeGreaterThan(100);
  });
});
