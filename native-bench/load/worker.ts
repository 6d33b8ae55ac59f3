/** The entry of a generator thread: each program is a named task of the pool. */
export { alternatingLoop } from './programs/alternating-loop.ts';
export { closedLoop } from './programs/closed-loop.ts';
export { expiry } from './programs/expiry.ts';
export { fanOut } from './programs/fan-out.ts';
export { idleWatchers } from './programs/idle-watchers.ts';
export { listing } from './programs/listing.ts';
export { newConnections } from './programs/new-connections.ts';
export { openLoop } from './programs/open-loop.ts';
export { pollCrowd } from './programs/poll-crowd.ts';
export { setToWatch } from './programs/set-to-watch.ts';
export { writeAndSync } from './programs/write-and-sync.ts';
