/** Single questions, asked aside from the load: preparing, tidying up, and finding out where the index stands. */
import type { AnswerSink } from './answer.ts';
import { Connection } from './connection.ts';
import { dialectOf, type Target } from './dialect.ts';

export interface ProbeAnswer {
  readonly status: number;
  readonly etcdIndex: number;
  readonly body: string;
}

/** Asks once on a connection of its own. */
export async function ask(target: Target, request: string): Promise<ProbeAnswer> {
  let status = 0;
  let etcdIndex = 0;
  let body = '';
  let connection: Connection | undefined;
  try {
    return await new Promise<ProbeAnswer>((resolve, reject) => {
      const sink: AnswerSink = {
        onHead: (headStatus, headIndex) => {
          status = headStatus;
          etcdIndex = headIndex;
        },
        onBody: (bytes, start, end) => {
          body += bytes.latin1Slice(start, end);
        },
        onEnd: () => resolve({ status, etcdIndex, body }),
        onClose: (reason) => reject(new Error(reason)),
      };
      const opened = new Connection(target, sink);
      connection = opened;
      opened.opened.then(() => opened.send(request), reject);
    });
  } finally {
    connection?.close();
  }
}

/** Where the index of a v2 server stands. */
export async function currentIndex(target: Target): Promise<number> {
  const answer = await ask(target, dialectOf(target).get('/'));
  return answer.etcdIndex;
}
