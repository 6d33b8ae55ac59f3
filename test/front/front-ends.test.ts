/** Front ends together, each of them played: what one does when another is late or fails. */
import { beforeEach, expect, test, vi } from 'vitest';
import type { AppDescriptors } from '../../src/front/connections/listeners.ts';
import { FrontEnds } from '../../src/front/front-ends.ts';
import type { FrontEndSetup } from '../../src/front/open-front-end.ts';

interface Renewal {
  resolve(descriptors: AppDescriptors): void;
  reject(error: Error): void;
}

/** What was asked of the threads, in order; and what the first front end was told to use. */
const played = vi.hoisted(() => ({ renewals: [] as Renewal[], used: [] as unknown[] }));

vi.mock('../../src/front/open-front-end.ts', () => ({
  OpenFrontEnd: class {
    renewCertificates(): void {}
    useRenewed(others: unknown): void {
      played.used.push(others);
    }
  },
}));
vi.mock('../../src/front/front-end-thread.ts', () => ({
  FrontEndThread: class {
    readonly ready = new Promise(() => {});
    renewCertificates(): Promise<AppDescriptors> {
      return new Promise((resolve, reject) => played.renewals.push({ resolve, reject }));
    }
  },
}));

const descriptors = (number: number) => [number] as unknown as AppDescriptors;

let frontEnds: FrontEnds;
beforeEach(() => {
  played.renewals = [];
  played.used = [];
  const setups = [0, 1, 2].map((number) => ({ number }) as FrontEndSetup);
  frontEnds = new FrontEnds(setups, { onError: () => {}, onWarning: () => {}, onFatal: () => {} });
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
