/**
 * Which origin an answer names. A request says it, and its answer is written later and elsewhere; so it is noted here in
 * between. Servers that allow all origins note nothing.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { ANY_ORIGIN } from '../../protocol/cors.ts';

const noted = new WeakMap<HttpResponse, string>();

export function noteOrigin(response: HttpResponse, origin: string): void {
  noted.set(response, origin);
}

export function originOf(response: HttpResponse): string {
  return noted.get(response) ?? ANY_ORIGIN;
}
