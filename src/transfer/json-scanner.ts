/**
 * Takes JSON apart into tokens as it arrives, in pieces that may end anywhere: the listing of a whole key space can be
 * larger than any string, so it is never held. Works on bytes (one a character), since a piece can end inside a
 * character, and leaves escapes to whoever wants to know. Checks tokens, not grammar.
 */
import { JSON_SIZE_BYTES_MAX } from './transfer-node.ts';

/** A punctuation mark, or what the token's text is: the contents of a string, still escaped; a number or a word. */
export type TokenKind = '{' | '}' | '[' | ']' | ':' | ',' | 'string' | 'scalar';

export type OnToken = (kind: TokenKind, text: string) => void;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

const PUNCTUATION: ReadonlySet<string> = new Set('{}[]:,');
const SCALAR_CHARACTER = /^[-+.0-9A-Za-z]$/;

export class JsonScanner {
  readonly #onToken: OnToken;
  #state: 'between' | 'string' | 'scalar' = 'between';
  /** The last character was a backslash that escapes the next. */
  #isEscaping = false;
  /** The token so far, when it began in an earlier piece. */
  #pieces: string[] = [];
  #piecesLength = 0;

  constructor(onToken: OnToken) {
    this.#onToken = onToken;
  }

  /** True between tokens: an input that ends elsewhere has been cut. */
  get isBetweenTokens(): boolean {
    return this.#state === 'between';
  }

  /** Throws when a byte begins no token, or a token is too long. */
  push(piece: string): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#state === 'string') at = this.#string(piece, at);
      else if (this.#state === 'scalar') at = this.#scalar(piece, at);
      else at = this.#between(piece, at);
    }
  }

  #between(piece: string, at: number): number {
    const code = piece.charCodeAt(at);
    const character = piece.charAt(at);
    if (code === QUOTE) {
      this.#state = 'string';
      return at + 1;
    }
    if (PUNCTUATION.has(character)) this.#onToken(character as TokenKind, character);
    else if (SCALAR_CHARACTER.test(character)) {
      this.#state = 'scalar';
      return at;
    } else if (code > SPACE) throw new Error(`it is not JSON: there is a ${JSON.stringify(character)} between tokens`);
    return at + 1;
  }

  #string(piece: string, from: number): number {
    let at = from;
    for (; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (this.#isEscaping) this.#isEscaping = false;
      else if (code === BACKSLASH) this.#isEscaping = true;
      else if (code === QUOTE) {
        this.#complete('string', piece.slice(from, at));
        return at + 1;
      }
    }
    this.#keep(piece.slice(from));
    return at;
  }

  #scalar(piece: string, from: number): number {
    let at = from;
    while (at < piece.length && SCALAR_CHARACTER.test(piece.charAt(at))) at++;
    if (at === piece.length) this.#keep(piece.slice(from));
    else this.#complete('scalar', piece.slice(from, at));
    return at;
  }

  #complete(kind: TokenKind, rest: string): void {
    const text = this.#pieces.length === 0 ? rest : this.#pieces.join('') + rest;
    this.#pieces = [];
    this.#piecesLength = 0;
    this.#state = 'between';
    this.#onToken(kind, text);
  }

  #keep(text: string): void {
    this.#piecesLength += text.length;
    if (this.#piecesLength > JSON_SIZE_BYTES_MAX) throw new Error('a key or a value is too long');
    this.#pieces.push(text);
  }
}
