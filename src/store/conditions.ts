/** What a write may ask of the key that it changes. Source: etcd v2 API, "Atomic Compare-and-Swap". */
import type { ByteString } from '../base/byte-string.ts';
import { Flag } from '../protocol/command.ts';
import { Failure } from './failure.ts';
import type { Node } from './node.ts';

export interface Conditions {
  /** A union of `Flag` bits. */
  readonly flags: number;
  /** Empty: no condition. */
  readonly prevValue: ByteString;
  /** 0: no condition. A bigint only beyond the safe integers, where it equals no index. */
  readonly prevIndex: number | bigint;
}

/** The same, while prevValue is bytes. */
export interface ConditionBytes {
  readonly flags: number;
  readonly prevIndex: number | bigint;
  readonly bytes: Buffer;
  readonly prevValueAt: number;
  readonly prevValueSizeBytes: number;
}

/** @returns 101 with the conditions that fail, or undefined when all hold. */
export function compare(node: Node, conditions: Conditions): Failure | undefined {
  const { prevValue, prevIndex } = conditions;
  const isValueRight = prevValue === '' || prevValue === node.value;
  const isIndexRight = isRightIndex(node, conditions);
  if (isValueRight && isIndexRight) return undefined;
  const valueCause = `[${prevValue} != ${node.value}]`;
  const indexCause = `[${prevIndex} != ${node.modifiedIndex}]`;
  if (isValueRight) return new Failure(101, indexCause);
  if (isIndexRight) return new Failure(101, valueCause);
  return new Failure(101, `${valueCause} ${indexCause}`);
}

/** Whether `compare` would find that all hold. Makes no string. */
export function doHold(node: Node, conditions: ConditionBytes): boolean {
  const { bytes, prevValueAt, prevValueSizeBytes } = conditions;
  if (!isRightIndex(node, conditions)) return false;
  return prevValueSizeBytes === 0 || node.hasValueBytes(bytes, prevValueAt, prevValueSizeBytes);
}

function isRightIndex({ modifiedIndex }: Node, { flags, prevIndex }: { flags: number; prevIndex: number | bigint }) {
  return (flags & Flag.hasPrevIndex) === 0 || prevIndex === modifiedIndex;
}
