/**
 * Nodes out of the answer to `GET /v2/keys/?recursive=true`, while it arrives:
 *
 *   {"action":"get","node":{"dir":true,"nodes":[
 *     {"key":"/a","dir":true,"expiration":…,"ttl":…,"nodes":[…],"modifiedIndex":…,"createdIndex":…},
 *     {"key":"/b","value":"…","modifiedIndex":…,"createdIndex":…}]}}
 *
 * A directory is given out when its `nodes` begin, before what is in them; its indexes come behind them, too late. All
 * that is held is one open node for each level.
 *
 * The API writes a byte that is not UTF-8 as the escape `\ufffd`, and a real U+FFFD as its three bytes. So we know where
 * bytes were lost, though not which.
 */
import { type ByteString, byteStringOf } from '../base/byte-string.ts';
import { decodeExpiration } from './json-lines.ts';
import { JsonScanner, type TokenKind } from './json-scanner.ts';
import type { TransferNode } from './transfer-node.ts';

/** A key or a value of which the API shows only U+FFFD. */
export class LostBytesError extends Error {
  override readonly name = 'LostBytesError';
}

interface OpenNode {
  key: ByteString | undefined;
  value: ByteString | undefined;
  isDirectory: boolean;
  expirationMs: number | undefined;
  modifiedIndex: number | undefined;
  createdIndex: number | undefined;
  isGivenOut: boolean;
}

export interface ListingParserOptions {
  /** Takes U+FFFD in the place of lost bytes; otherwise they are an error. */
  readonly isLossy: boolean;
}

export class ListingParser {
  /** Nodes of which bytes were lost. */
  lossyCount = 0;
  readonly #options: ListingParserOptions;
  readonly #scanner = new JsonScanner((kind, text) => this.#token(kind, text));
  readonly #open: OpenNode[] = [];
  #nodes: TransferNode[] = [];
  /** Of the object that the last brace has opened, or of the one around it; undefined where a name is expected. */
  #name: string | undefined;
  #nameToBe: string | undefined;
  #depth = 0;
  #isListing = false;

  constructor(options: ListingParserOptions) {
    this.#options = options;
  }

  /**
   * Takes a piece of the answer, a byte a character, and gives out the nodes that it completes.
   * @throws LostBytesError; an Error when it is no listing.
   */
  take(piece: string): readonly TransferNode[] {
    this.#scanner.push(piece);
    const nodes = this.#nodes;
    this.#nodes = [];
    return nodes;
  }

  /** Throws when the answer has ended too early. */
  finish(): void {
    if (!this.#isListing || this.#depth > 0 || !this.#scanner.isBetweenTokens) throw new Error('it ends too early');
  }

  #token(kind: TokenKind, text: string): void {
    switch (kind) {
      case '{':
        this.#openObject();
        return;
      case '}':
        this.#closeObject();
        return;
      case '[':
        this.#openNodes();
        return;
      case ']':
        this.#depth--;
        this.#name = undefined;
        return;
      case ':':
        this.#name = this.#nameToBe;
        this.#nameToBe = undefined;
        return;
      case ',':
        return;
      default:
        if (this.#depth === 0) throw new Error('it is no listing');
        if (this.#name === undefined) this.#nameToBe = text;
        else this.#field(kind, text);
    }
  }

  #openObject(): void {
    // The outermost object; then the root in its "node"; then the nodes of nodes.
    if (this.#depth === 1 && this.#name !== 'node') throw new Error('it is no listing');
    if (this.#depth > 0) this.#open.push(newNode());
    if (this.#depth === 1) this.#isListing = true;
    this.#depth++;
    this.#name = undefined;
  }

  #closeObject(): void {
    this.#depth--;
    this.#name = undefined;
    const node = this.#open.pop();
    if (node !== undefined) this.#giveOut(node);
  }

  #openNodes(): void {
    const node = this.#open.at(-1);
    if (node === undefined || this.#name !== 'nodes') throw new Error('it is no listing');
    this.#giveOut(node);
    this.#depth++;
  }

  #field(kind: TokenKind, text: string): void {
    const name = this.#name;
    this.#name = undefined;
    const node = this.#open.at(-1);
    if (node === undefined) return; // "action"
    if (name === 'key') node.key = this.#bytes(text);
    else if (name === 'value') node.value = this.#bytes(text);
    else if (name === 'dir') node.isDirectory = text === 'true';
    else if (name === 'expiration') node.expirationMs = decodeExpiration(text);
    else if (name === 'modifiedIndex' && kind === 'scalar') node.modifiedIndex = Number(text);
    else if (name === 'createdIndex' && kind === 'scalar') node.createdIndex = Number(text);
  }

  #giveOut(node: OpenNode): void {
    if (node.isGivenOut) return;
    node.isGivenOut = true;
    const { key, value, isDirectory, expirationMs, modifiedIndex, createdIndex } = node;
    if (key === undefined) return; // The root has none.
    if (!isDirectory && value === undefined) throw new Error(`${key} is neither a key nor a directory`);
    // One rule for all directories, whether or not something is in them.
    const indexes = isDirectory
      ? { modifiedIndex: undefined, createdIndex: undefined }
      : { modifiedIndex, createdIndex };
    this.#nodes.push({ key, value: isDirectory ? undefined : value, expirationMs, ...indexes });
  }

  #bytes(escaped: string): ByteString {
    if (!escaped.includes('\\')) return escaped as ByteString;
    let isLossy = false;
    const bytes = escaped.replace(ESCAPE, (match: string) => {
      if (match.toLowerCase() === LOST_BYTE) isLossy = true;
      return byteStringOf(JSON.parse(`"${match}"`) as string);
    });
    if (isLossy) this.#lose(this.#open.at(-1)?.key ?? bytes);
    return bytes as ByteString;
  }

  #lose(key: string): void {
    this.lossyCount++;
    if (this.#options.isLossy) return;
    const shown = Buffer.from(key, 'latin1').toString('utf8');
    throw new LostBytesError(
      `${JSON.stringify(shown)} or its value has bytes that are not UTF-8, which the API does not show; ` +
        'dump the data directory (--data-dir), or take U+FFFD in their place (--lossy)',
    );
  }
}

const LOST_BYTE = '\\ufffd';
/** Surrogates go in pairs, which make one character. */
const ESCAPE = /\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\./gs;

function newNode(): OpenNode {
  return {
    key: undefined,
    value: undefined,
    isDirectory: false,
    expirationMs: undefined,
    modifiedIndex: undefined,
    createdIndex: undefined,
    isGivenOut: false,
  };
}
