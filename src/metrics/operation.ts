/** What requests on the key space are told apart by in metrics: the operations of the store, and two kinds of reads more. */
import { Flag, Op } from '../protocol/command.ts';

/** `Op` and what goes beside it; 0 is a question that is not on the key space. */
export const Operation = { other: 0, ...Op, getRecursive: 10, head: 11 } as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

export const OPERATIONS_COUNT = 12;

/** How an operation is called, by which method it comes, and what etcd's store calls it; undefined where it counts none. */
export interface OperationNames {
  readonly operation: Operation;
  readonly name: string;
  readonly method: string | undefined;
  readonly readAction?: string;
  readonly writeAction?: string;
}

export const OPERATION_NAMES: readonly OperationNames[] = [
  { operation: Operation.get, name: 'get', method: 'GET', readAction: 'get' },
  { operation: Operation.getRecursive, name: 'getRecursive', method: 'GET', readAction: 'getRecursive' },
  { operation: Operation.head, name: 'head', method: 'HEAD', readAction: 'get' },
  { operation: Operation.watch, name: 'watch', method: undefined },
  { operation: Operation.set, name: 'set', method: 'PUT', writeAction: 'set' },
  { operation: Operation.create, name: 'create', method: 'PUT', writeAction: 'create' },
  { operation: Operation.createInOrder, name: 'createInOrder', method: 'POST', writeAction: 'create' },
  { operation: Operation.update, name: 'update', method: 'PUT', writeAction: 'update' },
  { operation: Operation.compareAndSwap, name: 'compareAndSwap', method: 'PUT', writeAction: 'compareAndSwap' },
  { operation: Operation.delete, name: 'delete', method: 'DELETE', writeAction: 'delete' },
  {
    operation: Operation.compareAndDelete,
    name: 'compareAndDelete',
    method: 'DELETE',
    writeAction: 'compareAndDelete',
  },
  { operation: Operation.other, name: 'other', method: undefined },
];

export function operationOf(op: Op, flags: number): Operation {
  if (op !== Op.get) return op;
  if ((flags & Flag.head) !== 0) return Operation.head;
  return (flags & Flag.recursive) !== 0 ? Operation.getRecursive : Operation.get;
}
