"""A headless Chromium, driven over its debugging pipe: no port, no library, no network."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile

# The names of the program in Debian, its relatives, and elsewhere.
NAMES = ("chromium", "chromium-browser", "google-chrome")
# The browser reads commands from file 3 and writes answers to file 4.
START = 'exec "$@" 3<&"$BROWSER_READS" 4>&"$BROWSER_WRITES"'


def find():
    """The path of a browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page of one browser. Use it as a context manager."""

    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory()
        reads, self.commands = os.pipe()
        self.answers, writes = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "-c", START, "bash", program, "--headless=new", "--remote-debugging-pipe",
             "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-dev-shm-usage",
             f"--user-data-dir={self.profile.name}", "about:blank"],
            env=dict(os.environ, BROWSER_READS=str(reads), BROWSER_WRITES=str(writes)),
            pass_fds=(reads, writes), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(reads)
        os.close(writes)
        self.rest = b""
        self.calls = 0
        self.session = None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        shutil.rmtree(self.profile.name, ignore_errors=True)

    def _read(self):
        while b"\0" not in self.rest:
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        """Sends a command and returns its result. Events on the way are kept in `events`."""
        self.calls += 1
        command = {"id": self.calls, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.calls:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event["method"] == method for event in self.events):
            self.events.append(self._read())

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def screen(self, width, height, theme="light"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": theme}])

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key,
                      **({"text": key} if len(key) == 1 and kind == "keyDown" else {}))

    def screenshot(self, path):
        """The whole page."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def complaints(self):
        """Errors and warnings of the page, and what it asked the network for."""
        found = []
        for event in self.events:
            what, about = event["method"], event["params"]
            if what == "Runtime.exceptionThrown":
                found.append(str(about["exceptionDetails"]))
            elif what == "Runtime.consoleAPICalled":
                found.append(f"console.{about['type']}: {about['args']}")
            elif what == "Log.entryAdded":
                found.append(str(about["entry"]))
            elif what == "Network.requestWillBeSent":
                url = about["request"]["url"]
                if not url.startswith(("file:", "about:")) or about["type"] != "Document":
                    found.append(f"request: {url[:200]}")
        return found
