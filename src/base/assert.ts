/** Our own mistake. Caught by nobody: the thread that throws it stops, and the server with it. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws an InvariantError saying `claim` when `holds` is false. */
export function assert(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new InvariantError(claim);
}
