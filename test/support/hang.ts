/** For so long the tests wait for what must come: it guards against hangs only, on however busy a machine. */
export const HANG_MS = 60_000;
