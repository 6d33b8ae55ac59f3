/** The bounds of one front end. What happens at each is said in ARCHITECTURE, "Bounds". */
export interface FrontEndLimits {
  /** Connections of clients, of all front ends together. */
  readonly connectionsMax: number;
  /** Requests that have no answer yet, open watches left out. */
  readonly inFlightMax: number;
  /** Of the form of one request. */
  readonly requestBytesMax: number;
  /** Of all forms that came in pieces, from their first piece until their request is answered. */
  readonly bodyBytesMax: number;
  /** Of large answers, until their readers have them; of listings those of all front ends. */
  readonly answerBytesMax: number;
  /** Elements of a key. */
  readonly pathDepthMax: number;
  /** For the words of a refusal: it is the store that counts, the watchers of all front ends. */
  readonly watchersMax: number;
  /** The same of one client's address. */
  readonly clientWatchersMax: number;
  /** Bytes that one stream's client may be behind. */
  readonly streamBacklogBytesMax: number;
  /** How long a reader of a large answer may take nothing. */
  readonly largeAnswerStallMsMax: number;
  /** From this size on a listing is compressed for a client that asks for it; Infinity for never. */
  readonly gzipFromBytes: number;
}
