"""The snippets of docs/clients.md for axios, React and React Native run as they stand, against the API; so does the
way there from both tokens in localStorage."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import BrowserContext, expect

from tests.browser.watch import Watch
from tests.support.fences import fence, replaced
from tests.support.live import LiveServer
from tests.support.people import EMAIL, PASSWORD
from tests.support.programs import clean_environment, install, run
from webapp.config import ROOT

DOCUMENT = "docs/clients.md"
THEIRS = "https://app.example.com/api"
CLIENT = ROOT / "static/js/evergreen"
SIGN_IN = 'auth.login({ email: "test@test.com", password: "Test123!" })'

# What follows the snippets: what an application does with them.
USE_AXIOS = f"""
(async () => {{
  const user = await {SIGN_IN};
  const first = auth.accessToken;
  const {{ data }} = await http.get("/products", {{ params: {{ per_page: 2 }} }});
  await auth.refresh();
  const {{ status }} = await http.get("/me");
  console.log(JSON.stringify([user.email, data.items.length, auth.accessToken !== first, status, await auth.logout()]));
}})();
"""
USE_REACT = """
import { createRoot } from "react-dom/client";
const root = document.body.appendChild(document.createElement("div"));
root.id = "snippet";
createRoot(root).render(<React.StrictMode><App /></React.StrictMode>);
"""
USE_NATIVE = f"""
(async () => {{
  const user = await {SIGN_IN};
  const kept = [...AsyncStorage.items.values()];
  const again = createAuth({{ ...options, storage: asyncStorage(AsyncStorage), appState: AppState }});
  const restored = await again.ready;
  const {{ status }} = await again.fetch(`${{options.baseURL}}/products`);
  console.log(JSON.stringify([user.email, kept.length, AppState.listeners > 0, restored.email, status]));
  process.exit();
}})();
"""
MOVE = """
import { createAuth } from "evergreen-auth";
const [baseURL, key, oldRefreshToken] = process.argv.slice(2);
const items = new Map();
const localStorage = {
  getItem: (name) => items.get(name) ?? null,
  setItem: (name, value) => void items.set(name, value),
  removeItem: (name) => void items.delete(name),
};
localStorage.setItem(key, oldRefreshToken);
(async () => {
  const auth = createAuth({ baseURL, transport: "body", storage: localStorage });
  console.log(JSON.stringify([(await auth.ready)?.email, items.size]));
  process.exit();
})();
"""
PHONE = {
    "react-native": """
export const AppState = {
  listeners: 0,
  currentState: "active",
  addEventListener() { this.listeners += 1; return { remove() {} }; },
};
""",
    "@react-native-async-storage/async-storage": """
const items = new Map();
export default {
  items,
  getItem: async (key) => items.get(key) ?? null,
  setItem: async (key, value) => void items.set(key, value),
  removeItem: async (key) => void items.delete(key),
};
""",
}


@pytest.fixture
def bundle(tools: Path, tmp_path: Path) -> Callable[..., str]:
    """A function that makes one script of a snippet and what follows it, with the client and what npm has for it."""
    folder, names = install(ROOT / "tests/js"), {"evergreen-auth": "index.js", "evergreen-auth/native": "native.js"}
    aliases = [f"--alias:{name}={CLIENT / file}" for name, file in names.items()]
    for number, (name, text) in enumerate(PHONE.items()):
        (tmp_path / f"{number}.js").write_text(text)
        aliases.append(f"--alias:{name}={tmp_path / f'{number}.js'}")

    def bundle(code: str, *options: str) -> str:
        esbuild = str(tools / "node_modules/.bin/esbuild")
        command = [esbuild, "--bundle", "--loader=jsx", "--log-level=warning", *aliases, *options]
        done = run(command, cwd=folder, env=clean_environment(), given=code)
        assert (done.stderr, done.returncode) == ("", 0)
        return done.stdout

    return bundle


def printed_by_node(node: str, script: str, folder: Path, *arguments: str) -> list[object]:
    (folder / "snippet.cjs").write_text(script)
    done = run([node, "snippet.cjs", *arguments], cwd=folder, env=clean_environment())
    assert (done.stderr, done.returncode) == ("", 0)
    return list(json.loads(done.stdout))


def test_the_snippet_for_axios(bundle: Callable[..., str], node: str, api: LiveServer, tmp_path: Path) -> None:
    code = replaced(fence(DOCUMENT, "import axios"), {THEIRS: f"{api.url}/api"})
    script = bundle(code + USE_AXIOS, "--platform=node", "--format=cjs")
    assert printed_by_node(node, script, tmp_path) == [EMAIL, 2, True, 200, True]


def test_the_snippet_for_react_native(bundle: Callable[..., str], node: str, api: LiveServer, tmp_path: Path) -> None:
    code = replaced(fence(DOCUMENT, "import AsyncStorage"), {THEIRS: f"{api.url}/api"})
    options = f'const options = {{ baseURL: "{api.url}/api", transport: "body" }};\n'
    script = bundle(code + options + USE_NATIVE, "--platform=node", "--format=cjs")
    assert printed_by_node(node, script, tmp_path) == [EMAIL, 1, True, EMAIL, 200]


def test_the_snippet_for_react(
    bundle: Callable[..., str], browse: Callable[..., BrowserContext], watch: Watch, api: LiveServer
) -> None:
    watch.allow_status(401, "/api/refresh")  # nobody is signed in yet: Chromium notes the refusal
    code = replaced(fence(DOCUMENT, "import * as React"), {THEIRS: f"{api.url}/api"})
    script = bundle(code + USE_REACT, "--format=esm", '--define:process.env.NODE_ENV="production"')
    page = browse(api.url).new_page()
    # Served from our own origin, since the pages' policy lets no other script run.
    page.route("**/static/snippet.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto("/")
    page.add_script_tag(url="/static/snippet.js", type="module")
    shown = page.locator("#snippet").get_by_role("button")
    shown.get_by_text("Sign in").click()
    shown.get_by_text("Sign John out").click()
    expect(shown).to_have_text("Sign in")


def key_in_storage(address: str) -> str:
    """Return where the client keeps the refresh token for the API of that address, as the document tells it."""
    return f"evergreen.{re.sub(r'[^A-Za-z0-9_.-]', '_', address)}"


def test_an_old_refresh_token_is_taken_over(
    bundle: Callable[..., str], node: str, api: LiveServer, tmp_path: Path
) -> None:
    text = (ROOT / DOCUMENT).read_text(encoding="utf-8")
    assert f'localStorage.setItem("{key_in_storage(THEIRS)}", oldRefreshToken)' in text
    assert 'createAuth({ transport: "body", storage: localStorage })' in text
    body = {"email": EMAIL, "password": PASSWORD, "transport": "body"}
    old = requests.post(f"{api.url}/api/login", json=body, timeout=20).json()["refresh_token"]
    script = bundle(MOVE, "--platform=node", "--format=cjs")
    arguments = (f"{api.url}/api", key_in_storage(f"{api.url}/api"), old)
    assert printed_by_node(node, script, tmp_path, *arguments) == [EMAIL, 1]
