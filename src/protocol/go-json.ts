/**
 * What Go's encoding/json says about text that is not JSON, for the endpoint that reads JSON and repeats the message to its
 * client; and what a text says, field by field, as Go takes it in. A plain descent over the grammar of RFC 8259; each place
 * where a byte can be wrong has its own words. Source: Go 1.19, encoding/json/scanner.go, decode.go.
 *
 * At the end of the text Go tries one more space: inside a number, a literal or an escape the fault is that space;
 * wherever a space is welcome, it is the end.
 */
import { type ByteString, textOf } from '../base/byte-string.ts';
import { quotedCharacter } from './go-quote.ts';
import { replaceInvalidUtf8 } from './json.ts';

/** Go goes down to 10 000. No list of URLs nests at all, and the stack here is smaller. */
const DEPTH_MAX = 1000;
/**
 * Of all objects together, where the descent has to read them. A user has five, a role thirteen; the descent is slow, and a
 * body of megabytes would hold up all others.
 */
const FIELDS_MAX = 10_000;
/** Beginnings of objects and lists. A user has five at most, a role thirteen. */
const FEW_OPENINGS = 100;
const UNEXPECTED_END = 'unexpected end of JSON input';

export type Field = readonly [name: string, value: unknown];

/** An object as Go takes it in: field by field, in their order, where a name may come again. */
class Fields {
  readonly list: readonly Field[];

  constructor(list: readonly Field[]) {
    this.list = list;
  }
}

/** @returns the message, or undefined when the text is JSON. */
export function faultOfJson(text: ByteString): string | undefined {
  const scanner = new Scanner(text, false);
  return scanner.value(0) ?? scanner.end();
}

/**
 * The first value of the text, as a decoder of a stream takes it: what follows is not looked at. Undefined when it is none.
 * What an object consists of is told by `fieldsOf`.
 */
export function valueOfJson(text: ByteString): unknown {
  // Nearly always the text is one value and no more, and flat. Then the engine's own parser does, which is many times as
  // fast as the descent below: a user may have megabytes of roles, and all wait for the thread that reads them.
  const whole = hasFewOpenings(text) ? valueOfWhole(text) : undefined;
  if (whole !== undefined && !mayRepeatNames(whole, text)) return whole;
  const scanner = new Scanner(text, true);
  return scanner.value(0) === undefined ? scanner.lastValue : undefined;
}

/** The fields of an object out of `valueOfJson`, in their order. Undefined when it is no object. */
export function fieldsOf(value: unknown): readonly Field[] | undefined {
  if (value instanceof Fields) return value.list;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
}

/**
 * A list of texts as Go takes it in when its field comes, perhaps not for the first time: it is written over the last one,
 * a `null` in it leaves in its place what is there, and behind a shorter list the rest of a longer one goes on to stand.
 * @param left what the field's lists have left so far; changed.
 */
export function takeTexts(list: readonly unknown[] | null, left: string[]): string[] | null {
  if (list === null || list.length === 0) left.length = 0; // With these two Go begins anew.
  list?.forEach((item, place) => {
    left[place] = typeof item === 'string' ? item : (left[place] ?? '');
  });
  return list && left.slice(0, list.length);
}

/** Whether the engine's parser, which knows no bound, cannot be led deep by this text. */
function hasFewOpenings(text: ByteString): boolean {
  return text.split(/[[{]/, FEW_OPENINGS + 2).length <= FEW_OPENINGS + 1;
}

/** Whether an object has more fields in the text than the engine's parser has left of it: of those with one name, the last. */
function mayRepeatNames(whole: unknown, text: ByteString): boolean {
  // A string may hold such a piece, too, escaped: then the descent finds nothing repeated.
  const nameEnd = /"[ \t\r\n]*:/g;
  let nameCount = 0;
  while (nameEnd.test(text)) nameCount++;
  return nameCount > fieldCountOf(whole);
}

function fieldCountOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const isList = Array.isArray(value);
  const children: readonly unknown[] = isList ? value : Object.values(value);
  return children.reduce<number>((count, child) => count + fieldCountOf(child), isList ? 0 : children.length);
}

/** Undefined when it is not JSON from beginning to end. */
function valueOfWhole(text: ByteString): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Throws when it is not JSON. */
function parse(text: ByteString): unknown {
  return JSON.parse(textOf(replaceInvalidUtf8(text)));
}

/** Each method moves over what it names and gives undefined, or gives the fault. */
class Scanner {
  /** The value that was moved over last, if values are kept. */
  lastValue: unknown;
  readonly #text: string;
  readonly #keepsValues: boolean;
  #position = 0;
  #fieldCount = 0;

  constructor(text: string, keepsValues: boolean) {
    this.#text = text;
    this.#keepsValues = keepsValues;
  }

  end(): string | undefined {
    return this.#next() === '' ? undefined : this.#fault('after top-level value');
  }

  value(depth: number): string | undefined {
    const first = this.#next();
    switch (first) {
      case '{':
        return depth < DEPTH_MAX ? this.#object(depth + 1) : 'exceeded max depth';
      case '[':
        return depth < DEPTH_MAX ? this.#array(depth + 1) : 'exceeded max depth';
      default:
        return this.#scalar(first);
    }
  }

  #object(depth: number): string | undefined {
    const fields: Field[] = [];
    this.#position++;
    if (this.#next() === '}') return this.#passAs(new Fields(fields));
    for (;;) {
      if (this.#next() !== '"') return this.#faultOrEnd('looking for beginning of object key string');
      const keyFault = this.#scalar('"');
      if (keyFault !== undefined) return keyFault;
      const name = String(this.lastValue);
      if (this.#next() !== ':') return this.#faultOrEnd('after object key');
      this.#position++;
      const valueFault = this.value(depth);
      if (valueFault !== undefined) return valueFault;
      fields.push([name, this.lastValue]);
      if (++this.#fieldCount > FIELDS_MAX) return 'exceeded max fields';
      if (this.#next() === '}') return this.#passAs(new Fields(fields));
      if (this.#next() !== ',') return this.#faultOrEnd('after object key:value pair');
      this.#position++;
    }
  }

  #array(depth: number): string | undefined {
    const items: unknown[] = [];
    this.#position++;
    if (this.#next() === ']') return this.#passAs(items);
    for (;;) {
      const fault = this.value(depth);
      if (fault !== undefined) return fault;
      items.push(this.lastValue);
      if (this.#next() === ']') return this.#passAs(items);
      if (this.#next() !== ',') return this.#faultOrEnd('after array element');
      this.#position++;
    }
  }

  #scalar(first: string): string | undefined {
    const start = this.#position;
    const fault = this.#scalarThatBegins(first);
    if (fault === undefined && this.#keepsValues) {
      this.lastValue = parse(this.#text.slice(start, this.#position) as ByteString);
    }
    return fault;
  }

  #scalarThatBegins(first: string): string | undefined {
    switch (first) {
      case '"':
        return this.#string();
      case 't':
        return this.#literal('true');
      case 'f':
        return this.#literal('false');
      case 'n':
        return this.#literal('null');
      default:
        return /[-0-9]/.test(first) ? this.#number() : this.#faultOrEnd('looking for beginning of value');
    }
  }

  #string(): string | undefined {
    this.#position++;
    for (;;) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON strings exclude.
      this.#skip(/[^"\\\x00-\x1f]*/y);
      const stop = this.#here();
      if (stop === '"') return this.#pass();
      if (stop === '') return UNEXPECTED_END;
      if (stop !== '\\') return this.#fault('in string literal');
      const fault = this.#escape();
      if (fault !== undefined) return fault;
    }
  }

  #escape(): string | undefined {
    this.#position++;
    if (this.#here() === 'u') {
      this.#position++;
      return this.#skip(/[0-9A-Fa-f]{0,4}/y) === 4 ? undefined : this.#fault('in \\u hexadecimal character escape');
    }
    return this.#skip(/["\\/bfnrt]/y) === 1 ? undefined : this.#fault('in string escape code');
  }

  #number(): string | undefined {
    this.#skip(/-/y);
    if (this.#skip(/0|[1-9][0-9]*/y) === 0) return this.#fault('in numeric literal');
    if (this.#skip(/\./y) === 1 && this.#skip(/[0-9]+/y) === 0) {
      return this.#fault('after decimal point in numeric literal');
    }
    if (this.#skip(/[eE][+-]?/y) > 0 && this.#skip(/[0-9]+/y) === 0)
      return this.#fault('in exponent of numeric literal');
    return undefined;
  }

  #literal(word: string): string | undefined {
    for (const letter of word) {
      if (this.#here() !== letter) return this.#fault(`in literal ${word} (expecting ${quote(letter)})`);
      this.#position++;
    }
    return undefined;
  }

  /** The byte at the position, after white space; `''` at the end. */
  #next(): string {
    this.#skip(/[ \t\r\n]*/y);
    return this.#here();
  }

  #here(): string {
    return this.#text.charAt(this.#position);
  }

  #pass(): undefined {
    this.#position++;
  }

  /** Moves over the last byte of a value. */
  #passAs(value: unknown): undefined {
    this.#position++;
    this.lastValue = value;
  }

  /** @returns how many bytes the sticky pattern has matched and passed. */
  #skip(pattern: RegExp): number {
    pattern.lastIndex = this.#position;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.#position += length;
    return length;
  }

  #fault(context: string): string {
    return `invalid character ${quote(this.#here() || ' ')} ${context}`;
  }

  #faultOrEnd(context: string): string {
    return this.#here() === '' ? UNEXPECTED_END : this.#fault(context);
  }
}

/** Go takes the byte for a character of Latin-1 here, and so shows even half of a UTF-8 sequence. */
function quote(byte: string): string {
  return `'${quotedCharacter(byte, "'")}'`;
}
