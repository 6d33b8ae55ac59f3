/** The package's public face. */
export type { LogLevel, ServerConfig } from './config.ts';
export { type RunningServer, startServer } from './server.ts';
export type { StartOptions } from './start-options.ts';
