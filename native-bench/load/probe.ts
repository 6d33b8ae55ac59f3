/** Single questions, asked aside from the load: preparing, tidying up, and finding out where the index stands. */
import type { AnswerSink } from './answer.ts';
import { Connection } from './connection.ts';
import type { Target } from './dialect.ts';

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
  const answer = await ask(target, `GET /v2/keys/ HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n\r\n`);
  return answer.etcdIndex;
}
