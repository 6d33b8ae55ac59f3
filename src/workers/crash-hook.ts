/**
 * Lets a test end the process at a named point of the journal's work, as a power cut would: `UETCD_CRASH_AT=point` or
 * `point:n` for its n-th time. Read once; without the variable nothing listens.
 */
import { type CrashHook, type CrashPoint, noCrash } from '../journal/crash-point.ts';

export function crashHook(): CrashHook {
  const [point, times = '1'] = (process.env['UETCD_CRASH_AT'] ?? '').split(':');
  if (point === undefined || point === '') return noCrash;
  let left = Number(times);
  return (reached: CrashPoint) => {
    if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
