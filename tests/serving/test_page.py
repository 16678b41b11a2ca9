"""The web page: complete, of one piece, and (slowly) used in a real browser."""

import re
import shutil
import threading

import pytest


def test_the_page_loads_nothing_from_elsewhere_and_all_it_names_is_there(client):
    page = client.get("/")
    names = set(re.findall(r'(?:src|href)="([^"]+)"', page.text))
    modules = {name for name in names if name.endswith("main.js")}
    while modules:
        code = client.get(modules.pop()).text
        found = {f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', code)}
        modules |= found - names
        names |= found
    clips = client.get("/page/clips/clips.json").json()
    names |= {f"/page/clips/{clip['file']}" for clip in clips}

    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert len(names) >= 14
    for name in names:
        answer = client.get(name)
        assert answer.status_code == 200, name
        text = answer.text if name.endswith((".js", ".css")) else ""
        assert not re.search(r"https?://(?!www\.w3\.org)", text), name


def test_everything_that_can_be_pressed_has_a_name(client):
    page = client.get("/").text

    for button in re.findall(r"<button.*?</button>", page, re.DOTALL):
        words = re.sub(r"<[^>]+>", "", button).strip()
        assert words or "aria-label=" in button, button
    for field in re.findall(r"<(?:textarea|input)[^>]*>", page):
        assert "aria-label=" in field or "hidden" in field, field


def test_files_outside_the_page_are_not_served(client):
    for path in ("/page/../settings.py", "/page/%2e%2e/settings.py", "/page//etc/passwd"):
        assert client.get(path).status_code == 404


@pytest.fixture
def browser():
    """Give a page of Debian's Chromium; skip where it is not."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium")
    flags = [
        *("--no-sandbox", "--autoplay-policy=no-user-gesture-required"),
        *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    ]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=flags)
        yield opened.new_page()
        opened.close()


@pytest.mark.slow
def test_a_visitor_records_asks_reads_words_cuts_and_takes_back(browser, parrot, listening_to):
    problems = []
    browser.on("pageerror", lambda error: problems.append(str(error)))
    browser.goto(listening_to(parrot).address)

    browser.click("#examples button >> nth=0")
    browser.wait_for_selector("#tray .clip")
    browser.fill("#text", "when is it")
    browser.click("#send")
    browser.wait_for_selector(".place")
    assert "when is it [12.6" in browser.inner_text(".answer")

    browser.click(".asked .clip .tools button >> nth=0")
    browser.click(".words button >> nth=1")
    browser.wait_for_selector(".words button.is-on")

    box = browser.locator(".asked canvas").bounding_box()
    browser.mouse.move(box["x"] + box["width"] / 2, box["y"] + 9)
    browser.mouse.down()
    browser.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + 9, steps=3)
    browser.mouse.up()
    with browser.expect_download() as download:
        browser.click(".picked button >> nth=1")
    assert download.value.suggested_filename.endswith("s.wav")

    browser.click("#record")
    threading.Event().wait(0.5)
    browser.click("#record")
    browser.wait_for_selector("#tray .clip")
    browser.click(".deeds button:has-text('Regenerate')")
    browser.wait_for_selector(".place")
    browser.click("#undo")
    assert browser.locator(".turn").count() == 0
    assert browser.input_value("#text") == "when is it"
    assert browser.locator("#tray .clip").count() == 2
    assert not problems
