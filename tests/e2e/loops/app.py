#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A web application for event loops: /ok answers at once, /sleep blocks the loop for 60 ms, /cpu computes as long in it.

app:application is for uvicorn; `app.py tornado PORT`, `app.py aiohttp PORT`; `app.py glib`: a GLib main loop that
sleeps 60 ms ten times a second, `app.py threads PORT`: asyncio whose /sleep is done by a thread."""

import asyncio
import sys
import time

STEP_S = 0.06


def compute():
    end = time.thread_time() + STEP_S
    while time.thread_time() < end:
        sum(i * i for i in range(500))


def handle(path):
    if path == "/sleep":
        time.sleep(STEP_S)
    elif path == "/cpu":
        compute()
    return b"done\n"


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    body = handle(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": body})


def tornado(port):
    import tornado.ioloop
    import tornado.web

    class Handler(tornado.web.RequestHandler):
        def get(self, path):
            self.write(handle("/" + path))

    tornado.web.Application([(r"/(.*)", Handler)]).listen(port, "127.0.0.1")
    tornado.ioloop.IOLoop.current().start()


def aiohttp(port):
    from aiohttp import web

    async def answer(request):
        return web.Response(body=handle(request.path))

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    web.run_app(application, host="127.0.0.1", port=port, print=None)


def threads(port):
    async def answer(reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.to_thread(time.sleep, STEP_S)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n")
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async def serve():
        server = await asyncio.start_server(answer, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def glib():
    from gi.repository import GLib

    def nap():
        time.sleep(STEP_S)
        return True

    GLib.timeout_add(100, nap)
    GLib.MainLoop().run()


if __name__ == "__main__":
    {"tornado": tornado, "aiohttp": aiohttp, "threads": threads, "glib": glib}[sys.argv[1]](*map(int, sys.argv[2:]))
