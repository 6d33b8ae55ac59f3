/** Entry of a thread that reads the files of a data directory for whoever asks. */
import { parentPort, workerData } from 'node:worker_threads';
import { nodeFileLayer } from '../../src/journal/file-layer.ts';
import { type RecoveryHelperEnd, serveRecovery } from '../../src/workers/recovery-helper.ts';

serveRecovery(workerData as RecoveryHelperEnd, nodeFileLayer);
parentPort?.postMessage('ready');
