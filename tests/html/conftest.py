"""A real browser, and pages that it opens."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile

import pytest

from convcost.cli.analyze import reports
from convcost.cli.output import Output
from convcost.html import render
from convcost.reports.table import Page

AXE = "axe-core@4.10.3"


def missing(what):
    """Skip a test here, and fail it where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(f"there is no {what}")
    pytest.skip(f"there is no {what}")


@pytest.fixture(scope="session")
def browser(tmp_path_factory, watched):
    """Return a headless Chromium that selenium drives."""
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        missing("chromium with chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        missing("selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(paths[1], popen_kw={"start_new_session": True}))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(600)
    with watched(driver.service.process):
        yield driver
        driver.quit()


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a page at a width, in light or dark; whatever the page reports is an error."""

    def open_page(text, *, width=1400, dark=False):
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get(path.as_uri())
        return browser

    yield open_page
    assert browser.get_log("browser") == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """Return the script of axe-core, fetched by npm."""
    npm = shutil.which("npm")
    if npm is None:
        missing("npm")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        missing("axe-core")
    if done.returncode:
        missing("axe-core")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.fixture
def page_of():
    """Return a function from a spec to its page as `analyze` writes it."""

    def page_of(spec, settings=(), **options):
        return render(reports([spec], dict(settings), batch=1, fold=True, pages=[Output("html")], **options), Page())

    return page_of


@pytest.fixture
def computing_page(opened, page_of):
    """Return a browser with a page that computes."""
    return opened(page_of("mobilenet_v1"))
