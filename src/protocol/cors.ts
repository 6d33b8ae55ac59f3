/**
 * What answers say to browsers about scripts from elsewhere, and what `--cors` may say. Source: etcd 3.4.23, pkg/flags
 * and embed/serve.go: the origins are compared as they stand, to the letter, and nothing but the header depends on it.
 */
const ALLOW_HEADERS = 'accept, content-type, authorization';
const ALLOW_METHODS = 'POST, GET, OPTIONS, PUT, DELETE';

/** Scripts from everywhere may read the answer. */
export const ANY_ORIGIN = '*';
/** No script may. */
export const NO_ORIGIN = '';

/** @returns names and values, none for `NO_ORIGIN`. */
export function corsHeaders(origin: string): readonly (readonly [name: string, value: string])[] {
  if (origin === NO_ORIGIN) return [];
  return [
    ['Access-Control-Allow-Headers', ALLOW_HEADERS],
    ['Access-Control-Allow-Methods', ALLOW_METHODS],
    ['Access-Control-Allow-Origin', origin],
  ];
}

/**
 * etcd wants a port of each. Browsers leave out the port that goes with the scheme, so that such an origin could not be
 * allowed; it can here.
 */
const ORIGIN = /^(https?|unixs?):\/\/(\[[^\]\s]+\]|[^/?#@:\s]+)(:\d{1,5})?$/i;

/**
 * @param text `*`, or origins separated by commas.
 * @returns the origins; undefined for all. Throws with the reason when one is none.
 */
export function parseCorsOrigins(text: string): readonly string[] | undefined {
  if (text === ANY_ORIGIN) return undefined;
  return text.split(',').map((item) => {
    const [origin, scheme = ''] = ORIGIN.exec(item.trim()) ?? [];
    if (origin === undefined) throw new Error(`"${item.trim()}" is not an origin: http://HOST:PORT is, or * alone`);
    return scheme.toLowerCase() + origin.slice(scheme.length);
  });
}
