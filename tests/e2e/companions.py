"""Programs of the system that stand between the client and the server in a test: microsocks,
tinyproxy and nginx, each on a free port, with its files in a folder of the test's, ended by its
process id."""

import shutil
import socket
import subprocess
import time
import unittest

from support import LIMIT

SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"


def program(name):
    """Its path; a test is skipped where it is not installed (scripts/bootstrap test does that)."""
    path = shutil.which(name) or shutil.which(name, path=SBIN)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Companion:
    """argv is a function of the port: these programs take no port 0, and between the choice of a
    free one and their start somebody may take it, so they are tried a few times."""

    def __init__(self, argv):
        for _ in range(5):
            self.port = free_port()
            self.process = subprocess.Popen(argv(self.port), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if self._listens():
                return
            said = self.stop()
        raise AssertionError(f"{self.process.args[0]} does not start: {said!r}")

    def _listens(self):
        end = time.monotonic() + LIMIT
        while self.process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), LIMIT).close()
                return True
            except ConnectionRefusedError:
                time.sleep(0.01)  # nothing announces that it listens
        return False

    def stop(self):
        """Ends it; returns what it said."""
        self.process.kill()
        said = self.process.communicate(timeout=LIMIT)[0]
        return said


def microsocks(user=None, password=None):
    """A SOCKS5 proxy."""
    path = program("microsocks")
    auth = ["-u", user, "-P", password] if user else []
    return Companion(lambda port: [path, "-i", "127.0.0.1", "-p", str(port), *auth])


def tinyproxy(folder, user=None, password=None):
    """An HTTP proxy that does CONNECT to any port."""
    path, conf = program("tinyproxy"), folder / "tinyproxy.conf"
    auth = f"BasicAuth {user} {password}\n" if user else ""

    def argv(port):
        conf.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\n"
                        f'LogLevel Info\nPidFile "{folder}/tinyproxy.pid"\n{auth}')
        return [path, "-d", "-c", str(conf)]
    return Companion(argv)


def nginx(folder, locations):
    """nginx in front of something; `locations` stand in its server block."""
    path, conf = program("nginx"), folder / "nginx.conf"
    temp = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                   ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))

    def argv(port):
        conf.write_text(f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n"
                        "error_log stderr;\nevents {}\n"
                        f"http {{\naccess_log off;\n{temp}"
                        f"server {{\nlisten 127.0.0.1:{port};\n{locations}\n}}\n}}\n")
        return [path, "-e", "stderr", "-p", str(folder), "-c", str(conf)]
    return Companion(argv)
