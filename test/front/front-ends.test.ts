/** Front ends together, each of them played: what one does when another is late or fails. */
import { beforeEach, expect, test, vi } from 'vitest';
import type { AppDescriptors } from '../../src/front/connections/listeners.ts';
import { FrontEnds } from '../../src/front/front-ends.ts';
import type { FrontEndSetup } from '../../src/front/open-front-end.ts';

interface Renewal {
  resolve(descriptors: AppDescriptors): void;
  reject(error: Error): void;
}

/** What was asked of the threads, in order, and how many there are; what the first front end was told to use, and why it cannot be opened. */
const played = vi.hoisted(() => ({
  renewals: [] as Renewal[],
  threadCount: 0,
  used: [] as unknown[],
  fault: undefined as Error | undefined,
}));

vi.mock('../../src/front/open-front-end.ts', () => ({
  OpenFrontEnd: class {
    constructor() {
      if (played.fault !== undefined) throw played.fault;
    }
    renewCertificates(): void {}
    useRenewed(others: unknown): void {
      played.used.push(others);
    }
  },
}));
vi.mock('../../src/front/front-end-thread.ts', () => ({
  FrontEndThread: class {
    readonly ready = new Promise(() => {});
    constructor() {
      played.threadCount++;
    }
    renewCertificates(): Promise<AppDescriptors> {
      return new Promise((resolve, reject) => played.renewals.push({ resolve, reject }));
    }
  },
}));

const descriptors = (number: number) => [number] as unknown as AppDescriptors;

const open = () => {
  const setups = [0, 1, 2].map((number) => ({ number }) as FrontEndSetup);
  return new FrontEnds(setups, { onError: () => {}, onWarning: () => {}, onFatal: () => {} });
};

let frontEnds: FrontEnds;
beforeEach(() => {
  played.renewals = [];
  played.threadCount = 0;
  played.used = [];
  played.fault = undefined;
  frontEnds = open();
});

test('when the first one cannot be opened no thread is left that nobody would hear or end', () => {
  expect(played.threadCount).toBe(2);
  played.fault = new Error('TLS cannot be set up');
  expect(open).toThrow('TLS cannot be set up');
  expect(played.threadCount).toBe(2);
});

test('a renewal that one thread refuses is over only when the late answer of another is here', async () => {
  const outcome = vi.fn();
  const renewal = frontEnds.renewCertificates().then(
    () => outcome('renewed'),
    ({ message }: Error) => outcome(message),
  );
  played.renewals[0]?.reject(new Error('no key'));
  await new Promise((resolve) => setImmediate(resolve));
  // Were it over, the next one could take that answer for one of its own.
  expect(outcome).not.toHaveBeenCalled();
  played.renewals[1]?.resolve(descriptors(2));
  await renewal;
  expect(outcome).toHaveBeenCalledWith('no key');
  expect(played.used).toEqual([]);
});

test('the next one uses what all threads have then', async () => {
  const failed = frontEnds.renewCertificates();
  played.renewals[0]?.reject(new Error('no key'));
  played.renewals[1]?.resolve(descriptors(2));
  await expect(failed).rejects.toThrow('no key');
  const renewed = frontEnds.renewCertificates();
  played.renewals[3]?.resolve(descriptors(22));
  played.renewals[2]?.resolve(descriptors(11));
  await renewed;
  expect(played.used).toEqual([[descriptors(11), descriptors(22)]]);
});
