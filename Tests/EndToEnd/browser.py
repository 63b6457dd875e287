"""A headless Chromium by its DevTools protocol: pages that are loaded, asked, photographed, and listened to for faults."""

import asyncio
import base64
import os
import shutil
import threading
from pathlib import Path

import aiohttp

import harness

PROGRAM = os.environ.get("OTP_TEST_CHROMIUM") or shutil.which("chromium")


class Browser:
    """One process with a folder of its own; nothing of it leaves this machine."""

    def __init__(self, folder):
        assert PROGRAM, "no chromium: deploy/test.sh installs it, or name one with OTP_TEST_CHROMIUM"
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        # Root has no sandbox, a container no large /dev/shm; what is loaded is ours.
        poor = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        self.process = harness.Process(
            "chromium",
            [PROGRAM, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.folder}/profile", *quiet, *poor],
            folder,
            own_group=True,
        )
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.calls, self.pages, self.count = {}, {}, 0
        place = self.folder / "profile/DevToolsActivePort"
        harness.until("the browser listens", lambda: place.exists() and len(place.read_text().split()) == 2, 60)
        port, path = place.read_text().split()
        self.run(self.connect(f"ws://127.0.0.1:{port}{path}"))

    def run(self, work, seconds=30):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def connect(self, address):
        self.session = aiohttp.ClientSession()
        self.socket = await self.session.ws_connect(address, max_msg_size=0)
        self.reading = self.loop.create_task(self.read())

    async def read(self):
        async for message in self.socket:
            said = message.json()
            if "id" in said:
                call = self.calls.pop(said["id"], None)
                if call and not call.done():
                    call.set_result(said)
            elif page := self.pages.get(said.get("sessionId")):
                page.heard(said["method"], said["params"])

    async def send(self, method, session, parameters):
        self.count += 1
        call = self.calls[self.count] = self.loop.create_future()
        message = {"id": self.count, "method": method, "params": parameters}
        await self.socket.send_json(message | ({"sessionId": session} if session else {}))
        said = await call
        assert "error" not in said, f"{method}: {said.get('error')}"
        return said["result"]

    def call(self, method, session=None, **parameters):
        return self.run(self.send(method, session, parameters))

    def page(self, **options):
        return Page(self, **options)

    def close(self):
        async def end():
            await self.socket.close()
            await self.session.close()

        try:
            self.run(end())
        finally:
            self.process.kill()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)


class Page:
    """A page of its own, in a context of its own: no cookie and no password of another.

    `credentials` are typed when the browser asks for a name and a password, which it does once.
    """

    def __init__(self, browser, width=1200, height=900, is_dark=False, has_script=True, credentials=None):
        self.browser = browser
        self.credentials, self.asked = credentials, 0
        self.faults = []
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setScriptExecutionDisabled", value=not has_script)
        if credentials:
            self.call("Fetch.enable", handleAuthRequests=True)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def heard(self, method, parameters):
        """What a user would find in the console: errors, and what the policy forbade."""
        if method == "Fetch.requestPaused":
            self.answer("Fetch.continueRequest", requestId=parameters["requestId"])
        elif method == "Fetch.authRequired":
            self.asked += 1
            name, password = self.credentials
            typed = {"response": "ProvideCredentials", "username": name, "password": password}
            typed = typed if self.asked == 1 else {"response": "CancelAuth"}
            self.answer("Fetch.continueWithAuth", requestId=parameters["requestId"], authChallengeResponse=typed)
        elif method == "Runtime.exceptionThrown":
            self.faults.append(parameters["exceptionDetails"].get("text", "exception"))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.faults.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.faults.append(parameters["entry"]["text"] + " " + parameters["entry"].get("url", ""))

    def answer(self, method, **parameters):
        """For the thread that hears: nobody waits for what comes of it."""
        self.browser.loop.create_task(self.browser.send(method, self.session, parameters))

    def go(self, url):
        error = self.call("Page.navigate", url=url).get("errorText")
        assert not error, f"{url}: {error}"
        harness.until(f"{url} is loaded", lambda: self.ask("document.readyState") == "complete", 30)
        return self

    def ask(self, expression):
        """The value of an expression; where scripts are off too, for this is no script of the page."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, f"{expression}: {said['exceptionDetails']}"
        return said["result"].get("value")

    def text(self, selector="main"):
        return self.ask(f"document.querySelector({selector!r})?.innerText ?? ''")

    def wait(self, what, expression, seconds=30):
        return harness.until(what, lambda: self.ask(expression), seconds)

    def press(self, *keys):
        for key in keys:
            shown = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            for kind in ("keyDown", "keyUp"):
                more = {"text": shown} if kind == "keyDown" and shown else {}
                code = {"Enter": 13, "Tab": 9}.get(key, 0)
                self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def photograph(self, path, whole=True):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(picture["data"]))
