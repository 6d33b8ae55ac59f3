import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { addQuery, EMPTY_FORM, parseForm } from '../../src/protocol/form.ts';
import { FormReader, type FormSource } from '../../src/protocol/form-reader.ts';
import { isPlain } from '../../src/protocol/json.ts';
import { Kernel } from '../../src/protocol/kernel.ts';
import { NO_TTL } from '../../src/protocol/value-form.ts';

const kernel = new Kernel();

function readerOf(source: string, partBytes: number): FormReader {
  const bytes = Buffer.from(source, 'latin1');
  const form: FormSource = {
    sizeBytes: bytes.length,
    copyTo: (target, start, end) => target.set(bytes.subarray(start, end), start),
  };
  // There may be more room than it needs, and something of another form in it.
  const reader = new FormReader(form, Buffer.alloc(bytes.length + 3, '4;%'), kernel);
  while (!reader.readOn(partBytes));
  return reader;
}

const readInParts = (source: string, partBytes: number) => readerOf(source, partBytes).body.form;

const whole = (body: string, query = '') => parseForm(body as ByteString, query as ByteString);

const names = fc.constantFrom(...Object.keys(EMPTY_FORM), 'v%61lue', 'unknown', '__proto__', '%76alue+', '');
const marks = fc.constantFrom(
  '=',
  '&',
  '&',
  '+',
  '%41',
  '%fF',
  '%3D',
  '%26',
  '%',
  '%4',
  '%4g',
  '%%41',
  '\xff',
  'x',
  'x'.repeat(20),
  '"',
);
const pieces = fc
  .tuple(names, fc.constantFrom('=', '=', '=', ''), fc.array(marks, { maxLength: 60 }))
  .map(([name, equals, value]) => name + equals + value.join(''));
const sources = fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join('&'));
const parts = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 300 }));

test('a form read a part at a time is what it is read as a whole', () => {
  fc.assert(
    fc.property(sources, parts, (source, partBytes) => {
      expect(readInParts(source, partBytes)).toEqual(whole(source));
    }),
    { numRuns: 2_000 },
  );
});

test('what is told of its value beside it is true', () => {
  fc.assert(
    fc.property(sources, parts, (source, partBytes) => {
      const reader = readerOf(source, partBytes);
      // Before `body` is asked for, which makes strings.
      const { onlyValue } = reader;
      const { form, isValuePlain } = reader.body;
      if ('fault' in form) expect([isValuePlain, onlyValue]).toEqual([undefined, undefined]);
      else {
        const { value, ...others } = form;
        expect(isValuePlain).toBe(value === undefined ? undefined : isPlain(value));
        const isAlone = value !== undefined && Object.values(others).every((other) => other === undefined);
        expect(onlyValue && Buffer.from(onlyValue.bytes).latin1Slice(onlyValue.start, onlyValue.end)).toBe(
          isAlone ? value : undefined,
        );
        if (onlyValue !== undefined) expect([onlyValue.isPlain, onlyValue.ttlSeconds]).toEqual([isValuePlain, NO_TTL]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what needs an escape in JSON is seen, wherever a part ends and whatever is cut there', () => {
  for (const special of ['"', '%22', '<', '\xff']) {
    for (let before = 0; before < 18; before++) {
      for (let between = 0; between < 18; between++) {
        const source = `value=${'x'.repeat(before)}${special}${'x'.repeat(between)}%41x`;
        for (let partBytes = 1; partBytes < source.length; partBytes++)
          expect(readerOf(source, partBytes).body.isValuePlain, `${source} by ${partBytes}`).toBe(false);
      }
    }
  }
});

test('a semicolon beats all other faults, wherever it is', () => {
  for (const source of ['value=%zz&a;b', ';', 'value=1&ttl=5;']) {
    expect(readInParts(source, 2)).toEqual({ fault: 'invalid semicolon separator in query' });
  }
});

test('what the body has given, or its fault, comes before the query', () => {
  fc.assert(
    fc.property(sources, sources, (body, query) => {
      expect(addQuery(readInParts(body, 5), query as ByteString)).toEqual(whole(body, query));
    }),
  );
});
