/** Encode an answer: the bytes and the template strings of the server beside JSON.stringify; and escapes, forms, frames. */
import { byteStringOf } from '../../src/base/byte-string.ts';
import { CommandReader, commandSizeBytes, writeCommand, writeValues } from '../../src/frame/command-frame.ts';
import { Op } from '../../src/protocol/command.ts';
import { parsePlainValueForm } from '../../src/protocol/form.ts';
import { escapeJson } from '../../src/protocol/json.ts';
import { parseKeysRequest } from '../../src/protocol/request.ts';
import type { StoreEvent } from '../../src/store/event.ts';
import { Failure } from '../../src/store/failure.ts';
import type { Node } from '../../src/store/node.ts';
import { renderEvent, renderGetOfKey } from '../../src/store/render.ts';
import { writeEvent, writeGetOfKey } from '../../src/store/render-bytes.ts';
import { Store } from '../../src/store/store.ts';
import { type MicroCase, repeated } from './micro-case.ts';
import { newWrite } from './store-cases.ts';

const NOW_MS = 1_700_000_000_000;
const FORM = byteStringOf(`value=${'x'.repeat(64)}`);
const LEASE_FORM = byteStringOf('ttl=30&prevValue=postgresql0&value=postgresql0');
const FORM_TYPE = 'application/x-www-form-urlencoded';
const DOCUMENT = byteStringOf(JSON.stringify({ conn_url: 'postgres://10.0.0.1:5432/postgres', state: 'running' }));

export function encodingCases(): MicroCase[] {
  const event = eventOfSecondSet();
  const node = event.node as Node;
  const buffer = Buffer.alloc(4096);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  // A template is a chain of pieces until somebody reads it: so every case ends in the buffer, as an answer does.
  const copy = (text: string): void => {
    if (buffer.latin1Write(text, 0, text.length) !== text.length) throw new Error('the buffer is too small');
  };
  return [
    repeated('encode an answer: template strings', () => copy(renderEvent(event))),
    repeated('encode an answer: JSON.stringify', () => copy(stringifyEvent(event))),
    repeated('encode an answer: as bytes', () => writeEvent(buffer, view, 0, event)),
    repeated('encode the answer to a get: template strings', () => copy(renderGetOfKey(node, NOW_MS))),
    repeated('encode the answer to a get: as bytes', () => writeGetOfKey(buffer, view, 0, node, 0)),
    repeated('escape a value that needs no escape', () => copy(escapeJson(node.value))),
    repeated('escape a small JSON document', () => copy(escapeJson(DOCUMENT))),
    repeated('parse the form of a plain set', () => copy(parsePlainValueForm(FORM) ?? '')),
    repeated('parse the request of a plain set', () => {
      if ('code' in parseKeysRequest('PUT', node.path, '', FORM_TYPE, FORM)) throw new Error('refused');
    }),
    repeated('parse the request of a lease: a swap with a TTL', () => {
      if ('code' in parseKeysRequest('PUT', node.path, '', FORM_TYPE, LEASE_FORM)) throw new Error('refused');
    }),
    frameCase(node),
  ];
}

function frameCase({ path, value }: Node): MicroCase {
  const bytes = Buffer.alloc(1024);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const reader = new CommandReader();
  const sizeBytes = commandSizeBytes(path.length, value.length, 0);
  return repeated('write a command frame and read it', (turn) => {
    writeCommand(bytes, view, 0, Op.set, 0, turn, NOW_MS, path);
    writeValues(bytes, view, 0, value, '');
    reader.read(bytes, view, 0, sizeBytes);
    if (reader.slot !== turn || reader.value.length !== value.length || reader.path.length !== path.length)
      throw new Error('a frame read back differs');
  });
}

function eventOfSecondSet(): StoreEvent {
  const store = new Store(10, false);
  store.write(newWrite(Op.set));
  const event = store.write(newWrite(Op.set));
  if (event instanceof Failure) throw new Error('a set was refused');
  return event;
}

function stringifyEvent({ node, prevNode }: StoreEvent): string {
  return `${JSON.stringify({ action: 'set', node: fieldsOf(node), prevNode: fieldsOf(prevNode) })}\n`;
}

function fieldsOf(node: Node | undefined) {
  if (node === undefined) return undefined;
  const { path: key, value, modifiedIndex, createdIndex } = node;
  return { key, value, modifiedIndex, createdIndex };
}
