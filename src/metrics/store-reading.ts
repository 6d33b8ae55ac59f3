/** What the store worker says of itself when asked: the body of a `ReplyFormat.reading`. */
export interface StoreReading {
  readonly heapUsedBytes: number;
  readonly heapSizeBytes: number;
  readonly heapLimitBytes: number;
  /** Whether there is no memory for more. */
  readonly isFull: boolean;
  /** Keys and directories, and how many of them have a time to live. */
  readonly nodes: number;
  readonly expiringNodes: number;
  readonly watchers: number;
  readonly etcdIndex: number;
  /** Commands that can change the state: the raft index. */
  readonly sequence: number;
  readonly expiredCount: number;
}
