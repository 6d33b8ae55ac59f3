/** In a block of its own kind, or by a line in one of an older kind. */
const ENCRYPTED_KEY = /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: *4,ENCRYPTED)/m;

/**
 * Why a private key is of no use, where that can be seen without reading it; undefined when it may be. What OpenSSL says
 * to one without its passphrase depends on the cipher, and is never that.
 */
export function faultOfKey(pem: string): string | undefined {
  return ENCRYPTED_KEY.test(pem) ? 'it is encrypted with a passphrase (openssl pkey decrypts it)' : undefined;
}
