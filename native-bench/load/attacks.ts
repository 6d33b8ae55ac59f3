/**
 * Clients that mean ill, or are broken past help: for the tests, and for what a benchmark shows of a server under them. An
 * attack keeps so many connections busy; what the server closes is opened again, so it never lets up before it is told to.
 */
import { connect, type Socket } from 'node:net';

export const ATTACKS = [
  /** Heads that come byte by byte and never end. */
  'slow-heads',
  /** Forms of 10 MiB that come in small pieces. */
  'slow-forms',
  /** Streams whose clients read nothing. */
  'deaf-streams',
  /** Heads of almost the allowed size, and beyond it. */
  'large-heads',
  /** A whole or half a request, and then a FIN. */
  'half-closed',
  /** Bytes that are no HTTP, and requests without waiting for answers. */
  'garbage',
] as const;
export type AttackName = (typeof ATTACKS)[number];

export interface Attack {
  /** Connections that were opened, those in the place of closed ones too. */
  readonly openedCount: number;
  stop(): void;
}

/** The key that deaf streams are about: whoever writes there makes them fall behind. */
export const DEAF_KEY = '/v2/keys/hostile/deaf';

/** Those who are slow are not slow all at once: a burst of hundreds would be measured, and not what they are. */
const TICK_MS = 5;
/** Whom the server sends away comes again, but not at once: it is the server that is to be busy, not the attacker. */
const REOPEN_TICKS = 1_000 / TICK_MS;
const FORM_BYTES = 10 * 1024 * 1024;
const HEAD_BYTES = 256 * 1024;
const HOST = 'Host: hostile\r\n';

/** What a connection sends at the start, and then every so often: a stated rate, whatever the server does. */
interface Behaviour {
  readonly first: string;
  readonly everyMs: number;
  act(socket: Socket): void;
}

function behaviourOf(name: AttackName, ordinal: number): Behaviour {
  switch (name) {
    case 'slow-heads':
      return { first: `GET /v2/keys/a HTTP/1.1\r\n${HOST}X: `, everyMs: 1_000, act: sends('x') };
    case 'slow-forms': {
      const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
      const head = `PUT /v2/keys/hostile/form HTTP/1.1\r\n${HOST}${type}Content-Length: ${FORM_BYTES}\r\n\r\nvalue=`;
      return { first: head, everyMs: 1_000, act: sends(FORM_PIECE) };
    }
    case 'deaf-streams':
      return {
        first: `GET ${DEAF_KEY}?wait=true&stream=true HTTP/1.1\r\n${HOST}\r\n`,
        everyMs: 1_000,
        act: (socket) => socket.pause(),
      };
    case 'large-heads':
      return { first: ordinal % 2 === 0 ? LARGE_HEAD : HEAD_OF_MANY, everyMs: 2_000, act: sends(HEAD_PIECE) };
    case 'half-closed': {
      const whole = `GET /v2/keys/hostile/half?wait=${ordinal % 3 === 0} HTTP/1.1\r\n${HOST}\r\n`;
      const first = ordinal % 2 === 0 ? whole : whole.slice(0, -10);
      return { first, everyMs: 1_000, act: (socket) => socket.end() };
    }
    case 'garbage': {
      const pipelined = `GET /v2/keys/a HTTP/1.1\r\n${HOST}\r\n`.repeat(100);
      return { first: ordinal % 2 === 0 ? NOISE : pipelined + NOISE, everyMs: 1_000, act: sends(NOISE) };
    }
  }
}

interface Waiting {
  readonly ordinal: number;
  readonly tick: number;
}

const FORM_PIECE = 'x'.repeat(16 * 1024);
const HEAD_PIECE = 'x'.repeat(HEAD_BYTES);
const LARGE_HEAD = `GET /v2/keys/a HTTP/1.1\r\n${HOST}X: ${HEAD_PIECE}`;
const HEAD_OF_MANY = `GET /v2/keys/a HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(1_000)}\r\n`;
const NOISE = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 31) & 0xff)).toString('latin1');

function sends(bytes: string): Behaviour['act'] {
  return (socket) => {
    // A server that does not read is no reason for us to hoard.
    if (socket.writableLength < 1024 * 1024) socket.write(bytes, 'latin1');
  };
}

/**
 * Opens its connections, so many a second, and keeps them until `stop`. One timer for all of them: a timer each would cost
 * more than all that they do, on cores that the server needs.
 */
export function startAttack(
  name: AttackName,
  host: string,
  port: number,
  connections: number,
  opensPerSecond = Number.POSITIVE_INFINITY,
): Attack {
  const sockets = new Map<Socket, Behaviour>();
  const everyTicks = behaviourOf(name, 0).everyMs / TICK_MS;
  /** Those that act in the same tick, so that all do not act at once. */
  const groups = Array.from({ length: everyTicks }, () => new Set<Socket>());
  /** Who waits to be opened, and from which tick on: the soonest first. */
  const waiting: Waiting[] = Array.from({ length: connections }, (_, ordinal) => ({ ordinal, tick: 0 }));
  let isOver = false;
  let openedCount = 0;
  let tick = 0;
  let room = 0;
  const open = (ordinal: number) => {
    openedCount++;
    const behaviour = behaviourOf(name, ordinal);
    const socket = connect(port, host);
    const group = groups[ordinal % everyTicks] as Set<Socket>;
    sockets.set(socket, behaviour);
    group.add(socket);
    socket.on('connect', () => socket.write(behaviour.first, 'latin1'));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      group.delete(socket);
      waiting.push({ ordinal, tick: tick + REOPEN_TICKS });
    });
  };
  const step = () => {
    // A part of one is for the next tick; what nobody wanted is not.
    room = Math.min(room, 1) + (opensPerSecond * TICK_MS) / 1000;
    for (; room >= 1 && waiting[0] !== undefined && waiting[0].tick <= tick; room--)
      open((waiting.shift() as Waiting).ordinal);
    for (const socket of groups[tick % everyTicks] as Set<Socket>) sockets.get(socket)?.act(socket);
    tick++;
  };
  const startedMs = performance.now();
  // A timer that comes late makes up for it, or the rate would not be the stated one.
  const catchUp = () => {
    while (tick * TICK_MS <= performance.now() - startedMs) step();
  };
  const timer = setInterval(catchUp, TICK_MS);
  catchUp();
  return {
    get openedCount() {
      return openedCount;
    },
    stop: () => {
      if (isOver) return;
      isOver = true;
      clearInterval(timer);
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}
