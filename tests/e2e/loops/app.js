// SPDX-License-Identifier: GPL-2.0-only
// node app.js PORT: /sync hashes in the loop for some 60 ms, /async lets libuv's pool do it.
'use strict';
const crypto = require('crypto');
const http = require('http');

const ROUNDS = 60000;

function hashSync() {
	return crypto.pbkdf2Sync('password', 'salt', ROUNDS, 64, 'sha512');
}

http.createServer((request, response) => {
	if (request.url === '/sync') {
		hashSync();
		response.end('done\n');
	} else if (request.url === '/async') {
		crypto.pbkdf2('password', 'salt', ROUNDS, 64, 'sha512', () => response.end('done\n'));
	} else {
		response.end('done\n');
	}
}).listen(Number(process.argv[2]), '127.0.0.1');
