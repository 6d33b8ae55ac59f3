/**
 * What Go's encoding/json says about text that is not JSON, for the endpoint that reads JSON and repeats the message to its
 * client; and the first value of a text, for those that do not. A plain descent over the grammar of RFC 8259; each place
 * where a byte can be wrong has its own words. Source: Go 1.19, encoding/json/scanner.go.
 *
 * At the end of the text Go tries one more space: inside a number, a literal or an escape the fault is that space;
 * wherever a space is welcome, it is the end.
 */
import { type ByteString, textOf } from '../base/byte-string.ts';
import { quotedCharacter } from './go-quote.ts';

/** Go goes down to 10 000. No list of URLs nests at all, and the stack here is smaller. */
const DEPTH_MAX = 1000;
/** Beginnings of objects and lists. A user has five at most, a role thirteen. */
const FEW_OPENINGS = 100;
const UNEXPECTED_END = 'unexpected end of JSON input';

/** @returns the message, or undefined when the text is JSON. */
export function faultOfJson(text: ByteString): string | undefined {
  const scanner = new Scanner(text);
  return scanner.value(0) ?? scanner.end();
}

/** The first value of the text, as a decoder of a stream takes it: what follows is not looked at. Undefined when it is none. */
export function valueOfJson(text: ByteString): unknown {
  // Nearly always the text is one value and no more, and flat. Then the engine's own parser does, which is many times as
  // fast as the descent below: a user may have megabytes of roles, and all wait for the thread that reads them.
  const whole = hasFewOpenings(text) ? valueOfWhole(text) : undefined;
  if (whole !== undefined) return whole;
  const scanner = new Scanner(text);
  if (scanner.value(0) !== undefined) return undefined;
  return valueOfWhole(text.slice(0, scanner.position) as ByteString);
}

/** Whether the engine's parser, which knows no bound, cannot be led deep by this text. */
function hasFewOpenings(text: ByteString): boolean {
  return text.split(/[[{]/, FEW_OPENINGS + 2).length <= FEW_OPENINGS + 1;
}

/** Undefined when it is not JSON from beginning to end. */
function valueOfWhole(text: ByteString): unknown {
  try {
    return JSON.parse(textOf(text));
  } catch {
    return undefined;
  }
}

/** Each method moves over what it names and gives undefined, or gives the fault. */
class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get position(): number {
    return this.#position;
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

  #object(depth: number): string | undefined {
    this.#position++;
    if (this.#next() === '}') return this.#pass();
    for (;;) {
      if (this.#next() !== '"') return this.#faultOrEnd('looking for beginning of object key string');
      const keyFault = this.#string();
      if (keyFault !== undefined) return keyFault;
      if (this.#next() !== ':') return this.#faultOrEnd('after object key');
      this.#position++;
      const valueFault = this.value(depth);
      if (valueFault !== undefined) return valueFault;
      if (this.#next() === '}') return this.#pass();
      if (this.#next() !== ',') return this.#faultOrEnd('after object key:value pair');
      this.#position++;
    }
  }

  #array(depth: number): string | undefined {
    this.#position++;
    if (this.#next() === ']') return this.#pass();
    for (;;) {
      const fault = this.value(depth);
      if (fault !== undefined) return fault;
      if (this.#next() === ']') return this.#pass();
      if (this.#next() !== ',') return this.#faultOrEnd('after array element');
      this.#position++;
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
