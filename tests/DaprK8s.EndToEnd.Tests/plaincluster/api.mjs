// An API server of the plainest kind: lists without versions that know no selectors, watches that end five times a second, objects that
// are served by name only when somebody put them there so, and mutual TLS with Ed25519 keys. Dapr's own integration tests run the control
// plane against one like it, and so may others.
//
// node api.mjs PORT CONTROL_PORT DIRECTORY, where the directory holds ca.crt, server.crt and server.key.
// Control: PUT /list/PATH sets a list, PUT /object/PATH an object, POST /event/PATH tells those who watch PATH.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [port, controlPort, directory] = process.argv.slice(2);
const rotation = 200;
const lists = new Map();
const objects = new Map();
const watchers = new Map();
const backlog = new Map();
const requests = [];

const of = (map, path) => map.get(path) ?? map.set(path, []).get(path);

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

function watch(path, response) {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  of(backlog, path).splice(0).forEach(event => response.write(JSON.stringify(event) + '\n'));
  of(watchers, path).push(response);
  const end = () => {
    clearTimeout(timer);
    watchers.set(path, of(watchers, path).filter(w => w !== response));
    response.end();
  };
  const timer = setTimeout(end, rotation);
  response.on('close', end);
}

const api = https.createServer({
  ca: readFileSync(`${directory}/ca.crt`),
  cert: readFileSync(`${directory}/server.crt`),
  key: readFileSync(`${directory}/server.key`),
  requestCert: true,
  rejectUnauthorized: true,
}, (request, response) => {
  const url = new URL(request.url, 'https://api');
  requests.push(`${request.method} ${url.pathname}`);
  request.resume();
  if (lists.has(url.pathname)) {
    if (url.searchParams.get('watch') === 'true') {
      watch(url.pathname, response);
    } else {
      answer(response, 200, lists.get(url.pathname));
    }
  } else if (objects.has(url.pathname)) {
    answer(response, 200, objects.get(url.pathname));
  } else {
    answer(response, 404);
  }
});

const control = http.createServer(async (request, response) => {
  const [, what, path] = /^\/(\w+)(\/.*)?$/.exec(request.url);
  let text = '';
  for await (const chunk of request) {
    text += chunk;
  }

  if (what === 'requests') {
    answer(response, 200, requests);
    return;
  }

  const body = JSON.parse(text);
  if (what === 'list') {
    lists.set(path, body);
  } else if (what === 'object') {
    objects.set(path, body);
  } else if (of(watchers, path).length > 0) {
    of(watchers, path).forEach(w => w.write(JSON.stringify(body) + '\n'));
  } else {
    of(backlog, path).push(body);
  }

  answer(response, 200, {});
});

api.listen(Number(port), '127.0.0.1');
control.listen(Number(controlPort), '127.0.0.1', () => console.log('listening'));
