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

const STEP_MS = 50;
/** Whom the server sends away comes again, but not at once: it is the server that is to be busy, not the attacker. */
const REOPEN_MS = 1_000;
const FORM_BYTES = 10 * 1024 * 1024;
const HEAD_BYTES = 256 * 1024;
const HOST = 'Host: hostile\r\n';

/** What is sent at the start, and then in each step, which is 50 ms; undefined closes the sending side. */
interface Behaviour {
  readonly first: string;
  next(step: number, socket: Socket): void;
}

function behaviourOf(name: AttackName, ordinal: number): Behaviour {
  switch (name) {
    case 'slow-heads':
      return { first: `GET /v2/keys/a HTTP/1.1\r\n${HOST}X: `, next: every(20, 'x') };
    case 'slow-forms': {
      const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
      const head = `PUT /v2/keys/hostile/form HTTP/1.1\r\n${HOST}${type}Content-Length: ${FORM_BYTES}\r\n\r\nvalue=`;
      return { first: head, next: every(10, 'x'.repeat(16 * 1024)) };
    }
    case 'deaf-streams':
      return {
        first: `GET ${DEAF_KEY}?wait=true&stream=true HTTP/1.1\r\n${HOST}\r\n`,
        next: (_, socket) => socket.pause(),
      };
    case 'large-heads': {
      const head = `GET /v2/keys/a HTTP/1.1\r\n${HOST}X: ${'x'.repeat(HEAD_BYTES)}`;
      const many = `GET /v2/keys/a HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(1_000)}\r\n`;
      return { first: ordinal % 2 === 0 ? head : many, next: every(10, 'x'.repeat(HEAD_BYTES)) };
    }
    case 'half-closed': {
      const whole = `GET /v2/keys/hostile/half?wait=${ordinal % 3 === 0} HTTP/1.1\r\n${HOST}\r\n`;
      const first = ordinal % 2 === 0 ? whole : whole.slice(0, -10);
      return { first, next: (step, socket) => step === 20 && socket.end() };
    }
    case 'garbage': {
      const noise = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 31 + ordinal * 17) & 0xff)).toString(
        'latin1',
      );
      const pipelined = `GET /v2/keys/a HTTP/1.1\r\n${HOST}\r\n`.repeat(100);
      return { first: ordinal % 2 === 0 ? noise : pipelined + noise, next: every(10, noise) };
    }
  }
}

function every(steps: number, bytes: string): Behaviour['next'] {
  return (step, socket) => {
    // A server that does not read is no reason for us to hoard.
    if (step % steps === 0 && socket.writableLength < 1024 * 1024) socket.write(bytes, 'latin1');
  };
}

/** Begins with all connections at once; they stay until `stop`. */
export function startAttack(name: AttackName, host: string, port: number, connections: number): Attack {
  const sockets = new Set<Socket>();
  let isOver = false;
  let openedCount = 0;
  const open = (ordinal: number) => {
    if (isOver) return;
    openedCount++;
    const { first, next } = behaviourOf(name, ordinal);
    const socket = connect(port, host);
    sockets.add(socket);
    let step = 0;
    const timer = setInterval(() => next(++step, socket), STEP_MS);
    socket.on('connect', () => socket.write(first, 'latin1'));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
      setTimeout(open, REOPEN_MS, ordinal);
    });
  };
  for (let ordinal = 0; ordinal < connections; ordinal++) open(ordinal);
  return {
    get openedCount() {
      return openedCount;
    },
    stop: () => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}
