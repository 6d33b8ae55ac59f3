/** What a responder without a store answers to everything: as long as the answer to a set of a small key. */
export const CONSTANT_ANSWER =
  '{"action":"set","node":{"key":"/bench/key","value":"c0.xxxxxxxx","modifiedIndex":123456,"createdIndex":123456},' +
  '"prevNode":{"key":"/bench/key","value":"c1.xxxxxxxx","modifiedIndex":123455,"createdIndex":123455}}\n';
