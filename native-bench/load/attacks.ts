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
  /** Forms of 10 MB that are nothing but fields or escapes, and keys of 2000 elements. */
  'form-bombs',
  /** The superuser's password, guessed: each guess another one. */
  'wrong-passwords',
] as const;
export type AttackName = (typeof ATTACKS)[number];

export interface Attack {
  /** Connections that were opened, those in the place of closed ones too. */
  readonly openedCount: number;
  /** What was done of `actionsPerSecond`: things sent that the kernel, and so the server, has taken or refused. */
  readonly actionCount: number;
  stop(): void;
}

/** The key that deaf streams are about: whoever writes there makes them fall behind. */
export const DEAF_KEY = '/v2/keys/hostile/deaf';

/** Those who are slow are not slow all at once: a burst of hundreds would be measured, and not what they are. */
const TICK_MS = 5;
/** At a time, by who is late. */
const STEPS_MAX = 2;
/** Whom the server sends away comes again, but not at once: it is the server that is to be busy, not the attacker. */
const REOPEN_TICKS = 1_000 / TICK_MS;
const FORM_BYTES = 10 * 1024 * 1024;
const HEAD_BYTES = 256 * 1024;
const HOST = 'Host: hostile\r\n';
const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded\r\n';

/** What a connection sends at the start, and then every so often: a stated rate, whatever the server does. */
interface Behaviour {
  readonly first: string | Buffer;
  /** @param onDone is to be called when it has been done. */
  act(socket: Socket, onDone: () => void): void;
}

const EVERY_MS: Readonly<Record<AttackName, number>> = {
  'slow-heads': 1_000,
  'slow-forms': 1_000,
  'deaf-streams': 1_000,
  'large-heads': 2_000,
  'half-closed': 1_000,
  garbage: 1_000,
  'form-bombs': 4_000,
  'wrong-passwords': 1_000,
};

/** How much so many connections mean to do: to send what comes first, or next, or to come again. */
export function actionsPerSecond(name: AttackName, connections: number): number {
  return (connections * 1_000) / EVERY_MS[name];
}

function behaviourOf(name: AttackName, ordinal: number): Behaviour {
  switch (name) {
    case 'slow-heads':
      return { first: `GET /v2/keys/a HTTP/1.1\r\n${HOST}X: `, act: sends('x') };
    case 'slow-forms': {
      const head = `PUT /v2/keys/hostile/form HTTP/1.1\r\n${HOST}${FORM_TYPE}Content-Length: ${FORM_BYTES}\r\n\r\nvalue=`;
      return { first: head, act: sends(FORM_PIECE) };
    }
    case 'deaf-streams': {
      const act: Behaviour['act'] = (socket, onDone) => {
        socket.pause();
        onDone();
      };
      return { first: `GET ${DEAF_KEY}?wait=true&stream=true HTTP/1.1\r\n${HOST}\r\n`, act };
    }
    case 'large-heads':
      return { first: ordinal % 2 === 0 ? LARGE_HEAD : HEAD_OF_MANY, act: sends(HEAD_PIECE) };
    case 'half-closed': {
      const whole = `GET /v2/keys/hostile/half?wait=${ordinal % 3 === 0} HTTP/1.1\r\n${HOST}\r\n`;
      const act: Behaviour['act'] = (socket, onDone) => socket.end(onDone);
      return { first: ordinal % 2 === 0 ? whole : whole.slice(0, -10), act };
    }
    case 'garbage': {
      const pipelined = `GET /v2/keys/a HTTP/1.1\r\n${HOST}\r\n`.repeat(100);
      return { first: ordinal % 2 === 0 ? NOISE : pipelined + NOISE, act: sends(NOISE) };
    }
    case 'form-bombs': {
      const bomb = bombs()[ordinal % BOMBS] as Buffer;
      return { first: bomb, act: sends(bomb) };
    }
    case 'wrong-passwords': {
      let guesses = 0;
      const guess = () => guessOf(`${process.pid}.${ordinal}.${guesses++}`);
      return { first: guess(), act: (socket, onDone) => sends(guess())(socket, onDone) };
    }
  }
}

const FORM_PIECE = 'x'.repeat(16 * 1024);
const HEAD_PIECE = 'x'.repeat(HEAD_BYTES);
const LARGE_HEAD = `GET /v2/keys/a HTTP/1.1\r\n${HOST}X: ${HEAD_PIECE}`;
const HEAD_OF_MANY = `GET /v2/keys/a HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(1_000)}\r\n`;
const NOISE = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 31) & 0xff)).toString('latin1');

const BOMBS = 4;
let madeBombs: readonly Buffer[] | undefined;

/** Made when they are wanted: they are large. */
function bombs(): readonly Buffer[] {
  madeBombs ??= [
    requestOf('PUT', '/v2/keys/hostile/fields', 'a=1&'.repeat(2_500_000)),
    requestOf('PUT', '/v2/keys/hostile/escapes', `value=${'%41'.repeat(3_333_333)}`),
    requestOf('PUT', `/v2/keys/hostile${'/d'.repeat(1_990)}`, 'value=deep'),
    requestOf('GET', `/v2/keys/hostile/${'%2525'.repeat(3_000)}`, ''),
  ];
  return madeBombs;
}

function requestOf(method: string, target: string, form: string): Buffer {
  const body = form === '' ? '' : `${FORM_TYPE}Content-Length: ${form.length}\r\n`;
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${HOST}${body}\r\n${form}`, 'latin1');
}

function guessOf(password: string): string {
  const credentials = Buffer.from(`root:${password}`).toString('base64');
  return `GET /v2/keys/hostile/guess HTTP/1.1\r\n${HOST}Authorization: Basic ${credentials}\r\n\r\n`;
}

function sends(bytes: string | Buffer): Behaviour['act'] {
  return (socket, onDone) => {
    // A server that does not read is no reason for us to hoard.
    if (socket.writableLength < 1024 * 1024) socket.write(bytes, 'latin1', onDone);
  };
}

interface Waiting {
  readonly ordinal: number;
  readonly tick: number;
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
  const everyTicks = EVERY_MS[name] / TICK_MS;
  /** Those that act in the same tick, so that all do not act at once. */
  const groups = Array.from({ length: everyTicks }, () => new Set<Socket>());
  /** Who waits to be opened, and from which tick on: the soonest first. */
  const waiting: Waiting[] = Array.from({ length: connections }, (_, ordinal) => ({ ordinal, tick: 0 }));
  let isOver = false;
  let openedCount = 0;
  let actionCount = 0;
  let tick = 0;
  let room = 0;
  const countAction = () => {
    actionCount++;
  };
  const open = (ordinal: number) => {
    openedCount++;
    const behaviour = behaviourOf(name, ordinal);
    const socket = connect(port, host);
    const group = groups[ordinal % everyTicks] as Set<Socket>;
    sockets.set(socket, behaviour);
    group.add(socket);
    socket.on('connect', () => socket.write(behaviour.first, 'latin1', countAction));
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
    for (const socket of groups[tick % everyTicks] as Set<Socket>) sockets.get(socket)?.act(socket, countAction);
    tick++;
  };
  const startedMs = performance.now();
  // A timer that comes late makes up for it, or the rate would not be the stated one; but by and by, for a burst is another attack.
  const catchUp = () => {
    for (let steps = 0; steps < STEPS_MAX && tick * TICK_MS <= performance.now() - startedMs; steps++) step();
  };
  const timer = setInterval(catchUp, TICK_MS);
  catchUp();
  return {
    get openedCount() {
      return openedCount;
    },
    get actionCount() {
      return actionCount;
    },
    stop: () => {
      if (isOver) return;
      isOver = true;
      clearInterval(timer);
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}
