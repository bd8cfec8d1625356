"""Mocks out of a test's own text: what the tests of `taburet serve FILE` stand on."""

import pathlib
import tempfile
import textwrap

from rawclient import RawClient
from support import Server, ServerCase


def yaml(text):
    return textwrap.dedent(text).lstrip("\n")


class MockCase(ServerCase):
    """Tests that share one server, which runs FILE with ARGS; each has a route of its own there."""

    FILE = None
    ARGS = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="taburet-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        if cls.FILE is not None:
            path = cls.folder / "mock.yaml"
            path.write_text(yaml(cls.FILE))
            cls.server = Server(str(path), *cls.ARGS, every=None)
            cls.addClassCleanup(cls.server.finish)

    def mock(self, text, *args, name="mock.yaml", **settings):
        """A server of this test alone."""
        path = self.temp_dir() / name
        path.write_text(yaml(text))
        server = self.serve(str(path), *args, **{"every": None} | settings)
        server.path = path
        return server

    async def meet(self, path, **settings):
        return await self.connect(self.server, path, **settings)

    async def ask(self, ws, message):
        await ws.send(message)
        return await self.recv(ws)

    async def ask_all(self, ws, *messages):
        """Every message has one answer."""
        for message in messages:
            await ws.send(message)
        return await self.recv_many(ws, len(messages))

    def raw(self, path="/", headers=(), server=None, **settings):
        client = RawClient(server or self.server, **settings)
        self.addCleanup(client.close)
        client.upgrade(headers, path)
        return client
