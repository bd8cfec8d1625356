"""taburet serve FILE: which route a request is for, and who is let in."""

import time
import unittest

from mocking import MockCase
from rawclient import RawClient, TEXT, plain_request, request


class Routes(MockCase):
    FILE = """
        taburet: 1
        server:
          routes:
            /feed/{symbol}: { rules: [{ reply: "feed ${path.symbol}" }] }
            /feed/{symbol}/{side}/**: { rules: [{ reply: "${path.side} of ${path.symbol}" }] }
            /plain: { rules: [{ reply: plain }] }
            /slash/: { rules: [{ reply: slash }] }
            /café/a%20b: { rules: [{ reply: escaped }] }
            /: { rules: [{ reply: root }] }
            /live/**: { rules: [{ reply: live }] }
            /nothing/**: {}
        """

    async def assert_reply(self, path, expected):
        ws = await self.meet(path)
        self.assertEqual(await self.ask(ws, "x"), expected, path)
        await ws.close()

    def status(self, path):
        client = RawClient(self.server)
        with client:
            client.send(request(path=path))
            return client.recv_response().status

    async def test_a_route_takes_its_paths(self):
        for path, expected in (("/", "root"), ("/?a=b", "root"), ("/plain", "plain"),
                               ("/plain?x=/feed/1", "plain"), ("/%70lain", "plain"),
                               ("/slash/", "slash"), ("/feed/ABC", "feed ABC"),
                               ("/feed/a%2Fb%20c", "feed a/b c"), ("/feed/%C3%A9", "feed é"),
                               ("/feed/a/b", "b of a"), ("/feed/a/b/c/d", "b of a"),
                               ("/feed/a/b/", "b of a"),
                               ("/caf%C3%A9/a%20b", "escaped"), ("/live", "live"),
                               ("/live/", "live"), ("/live/x//y", "live")):
            await self.assert_reply(path, expected)

    async def test_no_other_path_is_served(self):
        for path in ("/plain/", "/Plain", "/plainer", "/slash", "/feed", "/feed/", "/feed//b",
                     "/feed/a/", "//plain", "/livelier", "/feed/%", "/feed/%zz", "/feed/%00",
                     "/feed/%4", "/%2Fplain", "/nowhere"):
            self.assertEqual(self.status(path), 404, path)

    async def test_a_whole_uri_is_a_target_too(self):
        for uri in ("http://localhost/feed/X?y", "HTTP://a:1/feed/X"):
            client = self.raw(uri)
            client.send_frame(TEXT, b"x")
            self.assertEqual(client.recv_frame().payload, b"feed X", uri)
        self.assertEqual(self.status("http://localhost"), 101)

    async def test_who_asks_for_no_route_is_told_why(self):
        mark = self.server.mark()
        client = RawClient(self.server)
        self.addCleanup(client.close)
        client.send(request(path="/nowhere"))
        response = client.recv_response()
        self.assertEqual(response.status, 404)
        self.assertIn(b"no WebSocket at this path", response.body)
        self.server.wait_for_log("404.*no route of the file is for this path", since=mark)

    async def test_a_plain_get_gets_the_page(self):
        client = RawClient(self.server)
        self.addCleanup(client.close)
        client.send(plain_request(path="/nowhere"))
        response = client.recv_response()
        self.assertEqual((response.status, b"WebSocket" in response.body), (426, True))


class Handshakes(MockCase):
    ARGS = ("--subprotocol", "general")
    FILE = """
        taburet: 1
        vars: { token: sesame }
        server:
          routes:
            /token:
              handshake:
                - when: { header: { authorization: { not: "Bearer ${token}" } } }
                  reject:
                    status: 401
                    headers: { www-authenticate: Bearer, X-Why: not you, x-who: "<${query.who}>" }
                    body: who are you, ${query.who:-stranger}?
              rules: [{ reply: "${header.authorization}" }]
            /filled:
              handshake:
                - accept: { headers: { x-id: "${conn.id}", x-echo: "${header.x-echo:-none}",
                                       x-query: "${query.q}", x-plain: "$${x}" } }
            /query:
              handshake:
                - { when: { query: { room: { regex: "^[a-z]+$" } } }, accept: yes }
                - { when: { query: { room: { regex: "^(?<r>[0-9])$" } } },
                    reject: { status: 404, body: "no room ${r}" } }
                - { reject: { status: 400, headers: { content-type: application/json }, body: "{}" } }
              rules: [{ reply: "${query.room}" }]
            /path/{name}:
              handshake:
                - { when: { path: { ends: /bob } }, accept: }
                - { reject: 403 }
            /times:
              handshake:
                - { when: { times: 2 }, reject: { status: 503, headers: { retry-after: "1" } } }
            /protocols:
              handshake:
                - accept: { protocols: [feed.v2, feed.v1], headers: { x-served-by: mock } }
            /general:
              handshake: [{ accept: yes }]
            /deflate: { handshake: [{ accept: { deflate: yes } }], rules: [{ broadcast: "${text}" }] }
            /plain: { handshake: [{ accept: { deflate: no } }], rules: [{ reply: "${text}" }] }
            /default: { handshake: [{ accept: { delay: 0s } }], rules: [{ reply: "${text}" }] }
            /late: { handshake: [{ accept: { delay: 50ms } }] }
            /late/no: { handshake: [{ reject: { status: 404, delay: 50ms } }] }
        """

    def respond(self, path, headers=()):
        client = RawClient(self.server)
        self.addCleanup(client.close)
        client.send(request(headers, path))
        return client.recv_response()

    async def test_a_header_lets_in(self):
        response = self.respond("/token")
        self.assertEqual((response.status, response.body), (401, b"who are you, stranger?"))
        self.assertEqual(response.headers["www-authenticate"], ["Bearer"])
        self.assertEqual(response.headers["x-why"], ["not you"])
        self.assertEqual(response.headers["content-type"], ["text/plain; charset=utf-8"])
        self.assertEqual(self.respond("/token?who=%3Cbob%3E", [("Authorization", "Bearer x")]).body,
                         b"who are you, <bob>?")
        ws = await self.meet("/token", extra_headers={"Authorization": "Bearer sesame"})
        self.assertEqual(await self.ask(ws, "x"), "Bearer sesame")

    async def test_values_of_headers_are_filled_in(self):
        response = self.respond("/token?who=bob")
        self.assertEqual((response.status, response.headers["x-who"]), (401, ["<bob>"]))
        response = self.respond("/filled?q=1", [("X-Echo", "hi there")])
        self.assertEqual(response.status, 101)
        self.assertRegex(response.headers["x-id"][0], "^[0-9]+$")
        self.assertEqual([response.headers[f"x-{name}"] for name in ("echo", "query", "plain")],
                         [["hi there"], ["1"], ["${x}"]])
        mark = self.server.mark()
        self.assertEqual(self.respond("/filled").headers["x-echo"], ["none"])
        self.server.wait_for_log(r"\$\{query.q\} has no value here", since=mark)

    async def test_no_value_of_a_header_becomes_another_header(self):
        for line in ("%0d%0aX-Evil:%20yes", "%0aX-Evil:%20yes"):
            response = self.respond("/filled?q=1" + line)
            self.assertEqual((response.status, "x-evil" in response.headers), (500, False))

    async def test_the_query_lets_in(self):
        ws = await self.meet("/query?room=lobby")
        self.assertEqual(await self.ask(ws, "x"), "lobby")
        response = self.respond("/query?room=1")
        self.assertEqual((response.status, response.body), (404, b"no room 1"))
        response = self.respond("/query?room=A")
        self.assertEqual((response.status, response.body), (400, b"{}"))
        self.assertEqual(response.headers["content-type"], ["application/json"])
        self.assertEqual(self.respond("/query").status, 400)

    async def test_the_path_lets_in(self):
        self.assertEqual(self.respond("/path/bob").status, 101)
        self.assertEqual(self.respond("/path/eve").status, 403)

    async def test_times_counts_handshakes(self):
        statuses = [self.respond("/times") for _ in range(3)]
        self.assertEqual([r.status for r in statuses], [503, 503, 101])
        self.assertEqual(statuses[0].headers["retry-after"], ["1"])

    async def test_the_files_order_of_protocols_decides(self):
        for offered, agreed in ((["feed.v1", "feed.v2"], "feed.v2"), (["feed.v1"], "feed.v1"),
                                (["general"], None), (["other"], None)):
            ws = await self.meet("/protocols", subprotocols=offered)
            self.assertEqual(ws.subprotocol, agreed)
            self.assertEqual(ws.response_headers["x-served-by"], "mock")
        ws = await self.meet("/general", subprotocols=["general"])
        self.assertEqual(ws.subprotocol, "general")

    async def test_deflate_as_the_file_says(self):
        for path, agreed in (("/deflate", True), ("/default", True), ("/plain", False)):
            response = self.respond(path, [("Sec-WebSocket-Extensions", "permessage-deflate")])
            said = "".join(response.headers.get("sec-websocket-extensions", []))
            self.assertEqual("permessage-deflate" in said, agreed, path)
            if agreed:
                self.assertIn("server_no_context_takeover", said)

    async def test_compressed_messages_come_whole(self):
        a = await self.meet("/deflate", compression="deflate")
        b = await self.meet("/deflate", compression="deflate")
        for text in ("one " * 500, "two", "one " * 500):
            await a.send(text)
            self.assertEqual([await self.recv(a), await self.recv(b)], [text, text])

    async def test_answers_may_be_late(self):
        for path, status in (("/late", 101), ("/late/no", 404)):
            began = time.monotonic()
            self.assertEqual(self.respond(path).status, status)
            self.assertGreaterEqual(time.monotonic() - began, 0.045)

    async def test_who_leaves_before_the_answer_is_forgotten(self):
        for path in ("/late", "/late/no"):
            client = RawClient(self.server)
            client.send(request(path=path))
            client.reset()
        await self.assert_alive(self.server, path="/late")


class CommandLine(MockCase):
    FILE_TEXT = """
        taburet: 1
        server: { handshake: [{ accept: { deflate: yes } }], rules: [{ reply: "${text}" }] }
        """

    async def test_no_deflate_is_stronger_than_the_file(self):
        server = self.mock(self.FILE_TEXT, "--no-deflate")
        client = RawClient(server)
        self.addCleanup(client.close)
        client.send(request([("Sec-WebSocket-Extensions", "permessage-deflate")]))
        self.assertNotIn("sec-websocket-extensions", client.recv_response().headers)

    async def test_an_origin_that_is_not_allowed_is_refused_whatever_the_file_says(self):
        server = self.mock(self.FILE_TEXT, "--allow-origin", "https://good.example")
        for origin, status in (("https://good.example", 101), ("https://evil.example", 403)):
            client = RawClient(server)
            self.addCleanup(client.close)
            client.send(request([("Origin", origin)]))
            self.assertEqual(client.recv_response().status, status)


if __name__ == "__main__":
    unittest.main()
