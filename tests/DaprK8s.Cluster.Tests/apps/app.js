// The app of the tests, on Node's built-in modules alone. It makes the calls that a test tells it to, answers calls with what it
// got, and keeps the messages that it is sent.
'use strict';
const http = require('http');
const fs = require('fs');

const port = Number(process.env.PORT || 8080);
const name = process.env.APP_NAME || process.env.HOSTNAME;
const messages = [];
let healthy = process.env.START_UNHEALTHY !== 'true';

const read = stream => new Promise((resolve, reject) => {
  const parts = [];
  stream.on('data', part => parts.push(part));
  stream.on('end', () => resolve(Buffer.concat(parts).toString()));
  stream.on('error', reject);
});

// { url, method, headers, body, socketPath } -> { status, headers, body }
const call = wanted => new Promise(resolve => {
  const url = new URL(wanted.url);
  const request = http.request({
    agent: false, // A connection for each call: what stands behind a name may have changed.
    socketPath: wanted.socketPath,
    host: url.hostname,
    port: url.port,
    path: url.pathname + url.search,
    method: wanted.method || 'GET',
    headers: wanted.headers || {},
    timeout: 20000,
  }, async response => resolve({ status: response.statusCode, headers: response.headers, body: await read(response) }));
  request.on('timeout', () => request.destroy(new Error('no answer in time')));
  request.on('error', error => resolve({ status: 0, headers: {}, body: error.message }));
  request.end(wanted.body);
});

const json = (response, status, value) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
};

http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://app');
  const body = await read(request);
  switch (url.pathname) {
    case '/healthz':
      response.writeHead(healthy ? 200 : 503);
      return response.end();
    case '/test/health':
      healthy = body === 'true';
      return json(response, 200, {});
    case '/test/env':
      return json(response, 200, process.env);
    case '/test/args':
      return json(response, 200, process.argv.slice(2));
    case '/test/user':
      return json(response, 200, { uid: process.getuid(), gid: process.getgid(), groups: process.getgroups() });
    case '/test/file':
      return fs.readFile(url.searchParams.get('path'), 'utf8', (error, text) => error ? json(response, 404, { error: error.code }) : response.end(text));
    case '/test/write':
      return fs.writeFile(url.searchParams.get('path'), body, error => json(response, error ? 500 : 200, { error: error && error.code }));
    case '/test/call':
      return json(response, 200, await call(JSON.parse(body)));
    case '/test/messages':
      return json(response, 200, messages);
    case '/test/exit':
      return process.exit(Number(body || 1));
    case '/dapr/subscribe':
      return json(response, 200, JSON.parse(process.env.SUBSCRIPTIONS || '[]'));
    case '/dapr/config':
      response.writeHead(404);
      return response.end();
    case '/messages':
      messages.push(JSON.parse(body));
      return json(response, 200, { status: 'SUCCESS' });
    default:
      console.log(`${request.method} ${request.url}`);
      return json(response, 200, { app: name, method: request.method, path: request.url, headers: request.headers, body });
  }
}).listen(port, process.env.LISTEN || '0.0.0.0', () => console.log(`${name} listens on ${port}`));

process.on('SIGTERM', () => {
  console.log('asked to end');
  process.exit(0);
});
