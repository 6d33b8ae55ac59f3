/**
 * Places where the order of things matters, in the order a write meets them. A process under test ends itself at one
 * of them; in service nobody listens.
 */
export const CRASH_POINTS = [
  'before-append',
  'after-append',
  'after-fdatasync',
  'before-rotate',
  'mid-rotate',
  'after-rotate',
  'mid-snapshot',
  'before-rename',
  'after-rename',
  'before-prune',
  'mid-prune',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];
export type CrashHook = (point: CrashPoint) => void;

export const noCrash: CrashHook = () => {};
