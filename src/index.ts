/** The package's public face. */
export type { LogLevel, ServerConfig } from './config.ts';
export { type RunningServer, type StartOptions, startServer } from './server.ts';
