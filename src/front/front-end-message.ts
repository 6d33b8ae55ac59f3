/** What the main thread and the thread of a front end say to each other. Requests and replies go through the rings. */

import type { AppDescriptors } from './connections/listeners.ts';

export type ToFrontEnd =
  /** The server listens there: connections may come. */
  | { readonly kind: 'serve'; readonly clientUrls: readonly string[] }
  /** Make Apps with the certificates as their files are now. */
  | { readonly kind: 'renew' }
  /** No connection comes any more: end the watches, and say when no answer is due. */
  | { readonly kind: 'drain' }
  /** Close all connections, and end. */
  | { readonly kind: 'close' };

export type FromFrontEnd =
  | { readonly kind: 'ready'; readonly descriptors: AppDescriptors }
  | { readonly kind: 'renewed'; readonly outcome: AppDescriptors | Error }
  | { readonly kind: 'drained' }
  /** A request could not be served. */
  | { readonly kind: 'error'; readonly error: unknown }
  /** A warning for the log. */
  | { readonly kind: 'warning'; readonly fields: object; readonly text: string }
  /** The front end cannot go on. Its thread stays, and waits to be told to close. */
  | { readonly kind: 'failed'; readonly error: unknown };
