import { expect, test } from 'vitest';
import type { AnswerReader, AnswerSink } from '../../native-bench/load/answer.ts';
import { HttpReader } from '../../native-bench/load/http-reader.ts';
import { RespReader } from '../../native-bench/load/resp-reader.ts';

const http: [string, string, string[]][] = [
  [
    'a sized answer',
    'HTTP/1.1 201 Created\r\nX-Etcd-Index: 37\r\nX-Raft-Index: 99\r\nContent-Length: 5\r\n\r\nhello',
    ['201/37 hello'],
  ],
  ['an answer without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ['200/0 ']],
  [
    'a chunked answer',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nB\r\n, my world!\r\n0\r\n\r\n',
    ['200/0 hello, my world!'],
  ],
  [
    'a chunked answer with a trailer',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nExpires: never\r\n\r\n',
    ['200/0 {'],
  ],
  [
    'answers one after the other',
    'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!',
    ['404/0 no', '200/0 ok', '200/0 !'],
  ],
  [
    'answers whose numbers grow, one at the cost of the other, too',
    [
      ['8', '99', 'a'],
      ['9', '9', 'ab'],
      ['10', '10', 'abcdefghij'],
      ['11', '100', 'abcdefghi'],
      ['100', '9', 'abcdefghij'],
    ]
      .map(([index, raft, body = '']) => headWith(index, raft, body.length) + body)
      .join(''),
    ['200/8 a', '200/9 ab', '200/10 abcdefghij', '200/11 abcdefghi', '200/100 abcdefghij'],
  ],
];

function headWith(index: string | undefined, raftIndex: string | undefined, sizeBytes: number): string {
  return `HTTP/1.1 200 OK\r\nX-Etcd-Index: ${index}\r\nX-Raft-Index: ${raftIndex}\r\nContent-Length: ${sizeBytes}\r\n\r\n`;
}

test.each(http)('%s over HTTP reads the same wherever it is cut in two', (_, bytes, expected) => {
  expectSameAtEveryCut((sink) => new HttpReader(sink), bytes, expected);
});

const resp: [string, string, string[]][] = [
  ['a status', '+OK\r\n', ['200/0 OK']],
  ['an error', '-ERR no\r\n', ['500/0 ERR no']],
  ['an absent value', '$-1\r\n', ['200/0 ']],
  ['values and numbers in a row', '$5\r\nhello\r\n:12\r\n$0\r\n\r\n', ['200/0 hello', '200/0 12', '200/0 ']],
  ['a message', '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\nyes\r\n', ['200/0 yes']],
];

test.each(resp)('%s over RESP reads the same wherever it is cut in two', (_, bytes, expected) => {
  expectSameAtEveryCut((sink) => new RespReader(sink), bytes, expected);
});

function expectSameAtEveryCut(create: (sink: AnswerSink) => AnswerReader, bytes: string, expected: string[]): void {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const answers: string[] = [];
    const reader = create(collectInto(answers));
    for (const part of [bytes.slice(0, cut), bytes.slice(cut)]) reader.push(Buffer.from(part, 'latin1'), part.length);
    expect(answers, `cut at ${cut}`).toEqual(expected);
  }
}

function collectInto(answers: string[]): AnswerSink {
  let answer = '';
  return {
    onHead: (status, etcdIndex) => {
      answer = `${status}/${etcdIndex} `;
    },
    onBody: (bytes, start, end) => {
      answer += bytes.latin1Slice(start, end);
    },
    onEnd: () => answers.push(answer),
    onClose: (reason) => answers.push(reason),
  };
}
