/** The credentials of an `Authorization: Basic` header, as Go's net/http reads them. */
import type { ByteString } from '../base/byte-string.ts';

export interface Credentials {
  readonly name: ByteString;
  readonly password: ByteString;
}

const BASIC = /^basic /i;
/** Padded, and no byte beside the alphabet; Go would pass over line breaks, which no header has. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** @returns undefined for another scheme, for what is not base64, and where no colon ends the name. */
export function parseBasicAuth(authorization: string): Credentials | undefined {
  if (!BASIC.test(authorization)) return undefined;
  const encoded = authorization.slice(6);
  if (!BASE64.test(encoded)) return undefined;
  const text = Buffer.from(encoded, 'base64').latin1Slice();
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  return { name: text.slice(0, colon) as ByteString, password: text.slice(colon + 1) as ByteString };
}
