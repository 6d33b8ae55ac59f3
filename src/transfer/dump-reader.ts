/** Reads a dump, line by line, and makes sure that it is whole: header first, end last, as many nodes as it says. */

import { DumpFormatError, decodeLine } from './json-lines.ts';
import { JSON_SIZE_BYTES_MAX, type TransferNode } from './transfer-node.ts';

/**
 * Yields the nodes of each piece of input. Whether all are there only the end can tell: when this throws, what has been
 * yielded is the beginning of something unknown.
 * @throws DumpFormatError, with the number of the line, at the first line that does not belong, or at an early end.
 */
export async function* readDump(input: AsyncIterable<Buffer>): AsyncGenerator<readonly TransferNode[]> {
  const reader = new DumpReader();
  for await (const chunk of input) {
    const nodes = reader.take(chunk);
    if (nodes.length > 0) yield nodes;
  }
  reader.finish();
}

class DumpReader {
  /** The beginning of a line whose newline has not come yet. */
  #pieces: Buffer[] = [];
  #piecesSizeBytes = 0;
  #lineNumber = 1;
  #nodeCount = 0;
  #hasEnded = false;

  take(chunk: Buffer): TransferNode[] {
    const nodes: TransferNode[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#line(this.#completed(chunk.subarray(start, end)), nodes);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return nodes;
  }

  finish(): void {
    if (this.#piecesSizeBytes > 0) throw this.#wrong('the dump is truncated: the line has no end');
    if (!this.#hasEnded) throw this.#wrong('the dump is truncated: its last line is missing');
  }

  #completed(rest: Buffer): Buffer {
    if (this.#piecesSizeBytes === 0) return rest;
    const line = Buffer.concat([...this.#pieces, rest]);
    this.#pieces = [];
    this.#piecesSizeBytes = 0;
    return line;
  }

  #keep(piece: Buffer): void {
    this.#piecesSizeBytes += piece.length;
    if (this.#piecesSizeBytes > JSON_SIZE_BYTES_MAX) throw this.#wrong('it is too long for a dump');
    this.#pieces.push(piece);
  }

  #line(line: Buffer, nodes: TransferNode[]): void {
    if (this.#hasEnded) throw this.#wrong('something comes behind the end of the dump');
    const decoded = this.#decode(line);
    if ((decoded.kind === 'header') !== (this.#lineNumber === 1)) {
      throw this.#wrong(this.#lineNumber === 1 ? 'it is not the header of a dump' : 'a second header');
    }
    if (decoded.kind === 'node') {
      nodes.push(decoded.node);
      this.#nodeCount++;
    } else if (decoded.kind === 'end') {
      this.#end(decoded.nodeCount);
    }
    this.#lineNumber++;
  }

  #decode(line: Buffer): ReturnType<typeof decodeLine> {
    try {
      return decodeLine(line);
    } catch (error) {
      throw error instanceof DumpFormatError ? this.#wrong(error.message) : error;
    }
  }

  #end(nodeCount: number): void {
    if (nodeCount !== this.#nodeCount) {
      throw this.#wrong(`lines are missing: the dump has ${this.#nodeCount} nodes, and should have ${nodeCount}`);
    }
    this.#hasEnded = true;
  }

  #wrong(finding: string): DumpFormatError {
    return new DumpFormatError(`line ${this.#lineNumber}: ${finding}`);
  }
}

const NEWLINE = 0x0a;
