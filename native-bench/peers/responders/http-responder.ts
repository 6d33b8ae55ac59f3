/** node:http alone: `node http-responder.ts PORT`. */
import { createServer } from 'node:http';
import { CONSTANT_ANSWER } from './constant-answer.ts';

const headers = { 'Content-Type': 'application/json', 'Content-Length': CONSTANT_ANSWER.length };

createServer((request, response) => {
  const answer = (): void => {
    response.writeHead(200, headers);
    response.end(CONSTANT_ANSWER);
  };
  if (request.method === 'GET') answer();
  else request.on('end', answer).resume();
}).listen(Number(process.argv[2]), '127.0.0.1');
