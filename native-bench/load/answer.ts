/** What a connection hears of its answers, whichever protocol they come in. */
export interface AnswerSink {
  /**
   * The head of an answer is complete.
   * @param etcdIndex  of the X-Etcd-Index header; 0 when there is none.
   */
  onHead(status: number, etcdIndex: number): void;
  /** A piece of the body: `bytes[start, end)`. Valid only during the call: the buffer is read into again. */
  onBody(bytes: Buffer, start: number, end: number): void;
  /** The answer is complete. The next request may leave from inside this call. */
  onEnd(): void;
  /** The connection is gone; nothing else is called afterwards. */
  onClose(reason: string): void;
}

/** Takes the bytes as they come off the socket and tells its sink. */
export interface AnswerReader {
  push(bytes: Buffer, length: number): void;
}
