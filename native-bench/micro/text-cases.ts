/** Bytes on their way through a front end and the store: copied to and from shared memory, decoded, escaped. */
import type { ByteString } from '../../src/base/byte-string.ts';
import { copyBytes } from '../../src/base/bytes.ts';
import { Escaper } from '../../src/protocol/escaper.ts';
import { parseForm } from '../../src/protocol/form.ts';
import { escapeJson } from '../../src/protocol/json.ts';
import { Kernel } from '../../src/protocol/kernel.ts';
import { ValueForm } from '../../src/protocol/value-form.ts';
import { type MicroCase, repeated } from './micro-case.ts';

const SIZE_BYTES = 10_240;
const MEMBER = { conn_url: 'postgres://10.0.0.1:5432/postgres', state: 'running', role: 'master', xlog: 67108864 };

export function textCases(): MicroCase[] {
  const shared = Buffer.from(new SharedArrayBuffer(2 * SIZE_BYTES));
  const plain = Buffer.alloc(SIZE_BYTES, 'x');
  const document = JSON.stringify(
    Array(Math.round(SIZE_BYTES / JSON.stringify(MEMBER).length)).fill(MEMBER),
  ) as ByteString;
  const documentBytes = Buffer.from(document, 'latin1');
  const encoded = Buffer.from(`value=${encodeURIComponent(document)}`, 'latin1');
  const encodedText = encoded.latin1Slice() as ByteString;
  const plainForm = Buffer.from(`value=${plain.latin1Slice()}`, 'latin1');
  const form = new ValueForm(64 * 1024, new Kernel());
  const escaper = new Escaper();
  const read = (body: Buffer): void => {
    if (!form.read(body)) throw new Error('left to others');
  };
  return [
    repeated('copy 10 KB into shared memory: set', () => shared.set(plain, 1)),
    repeated('copy 10 KB into shared memory: fill', () => void copyBytes(plain, 0, SIZE_BYTES, shared, 1)),
    repeated('read the form of 10 KB: plain', () => read(plainForm)),
    repeated('read the form of a JSON document of 10 KB', () => read(encoded)),
    repeated('read the form of a JSON document of 10 KB: strings', () => {
      if ('fault' in parseForm(encodedText, '' as ByteString)) throw new Error('a fault');
    }),
    repeated('escape a JSON document of 10 KB', () => void escaper.escape(documentBytes, 0, documentBytes.length)),
    repeated('escape a JSON document of 10 KB: strings', () => {
      const escaped = escapeJson(documentBytes.latin1Slice() as ByteString);
      shared.latin1Write(escaped, 0, Math.min(escaped.length, shared.length));
    }),
  ];
}
