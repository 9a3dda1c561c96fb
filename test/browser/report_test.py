#!/usr/bin/env python3
"""Usage: report_test.py PROGRAM TRACE [--screenshots DIR]

Opens the page of `anonvma report` in a headless Chromium, and compares what it draws with the JSON of
`anonvma compare`. Exits with 77 where there is no Chromium. --screenshots also writes pictures of the
page at two widths in both themes.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import chromium

WIDTHS = {1280: 900, 390: 844}
THEMES = ("light", "dark")
failures = []


def expect(good, what):
    if not good:
        failures.append(what)
        print(f"FAILED: {what}")


def run(program, *words, status=0):
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    expect(done.returncode == status, f"status {done.returncode}: {words}: {done.stderr}")
    return done.stdout


def check_numbers(browser, compared, exported):
    """The data in the page, and the lines of its charts, against `compare --json` and `export --json`."""
    data = browser.evaluate("JSON.parse(document.getElementById('data').textContent)")
    trace = data["traces"][0]
    expect(trace["compare"]["strategies"] == compared["strategies"], "strategies of compare --json")
    expect(trace["series"]["strategies"] == exported["strategies"], "strategies of export --json")
    charts = browser.evaluate(
        "anonvmaCharts()[0].map(plot => plot.series.slice(1).map((s, i) =>"
        " ({name: s.label, values: plot.data[i + 1]})))")
    by_name = {strategy["name"]: strategy for strategy in compared["strategies"]}
    expect(len(charts[0]) == len(by_name), "the sum has a line for each strategy")
    series = {strategy["name"]: strategy for strategy in exported["strategies"]}
    for line in charts[0]:
        name = line["name"]
        peak = by_name[name]["peak_of_sum"]["bytes"] / 1024
        expect(abs(max(line["values"]) - peak) < 1e-6, f"peak of {name}: {max(line['values'])}, not {peak}")
        expect(line["values"] == [n / 1024 for n in series[name]["sum"]["max_bytes"]], f"sum of {name}")
    caches = [cache["cache"] for cache in exported["strategies"][0]["caches"]]
    for chart, cache in zip(charts[1:], caches):
        for line in chart:
            known = next(c for c in series[line["name"]]["caches"] if c["cache"] == cache)
            expect(line["values"] == known["max_objs"], f"{cache} of {line['name']}")


def check_keys(browser):
    browser.evaluate("document.querySelector('.plot').focus()")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        browser.press(key)
    reading = browser.evaluate("document.querySelector('.read').textContent")
    expect(" s" in reading and "KB" in reading, f"the arrow keys move the cursor: {reading!r}")
    spans = "anonvmaCharts()[0].map(plot => plot.scales.x.max - plot.scales.x.min)"
    before = browser.evaluate(spans)
    browser.press("+")
    zoomed = browser.evaluate(spans)
    expect(all(now < 0.6 * old for now, old in zip(zoomed, before)), f"+ zooms all charts: {zoomed}")
    browser.press("0")
    after = browser.evaluate(spans)
    expect(all(abs(now - old) < 1e-9 for now, old in zip(after, before)), "0 shows the whole time")


def check_complaints(browser, page):
    for complaint in browser.complaints():
        expect(False, f"{os.path.basename(page)}: {complaint}")


def check_page(browser, page, compared, exported):
    browser.screen(1280, WIDTHS[1280])
    browser.open(f"file://{page}")
    if browser.evaluate("!!window.uPlot"):
        check_numbers(browser, compared, exported)
        check_keys(browser)
    else:
        print("this build has no uPlot: only the plain pictures are tested")
        expect(browser.evaluate("!!document.querySelector('#pictures svg')"), "plain pictures")
    for width, height in WIDTHS.items():
        browser.screen(width, height)
        browser.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        wide = browser.evaluate("document.documentElement.scrollWidth")
        expect(wide <= width, f"the page is {wide} pixels wide on a screen of {width}")
    theme = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(theme)
    browser.evaluate("document.getElementById('theme').click(); document.getElementById('theme').click()")
    expect(browser.evaluate(theme) != light, "the button changes the theme")
    table = browser.evaluate("document.getElementById('table').textContent")
    expect("peak of the sum" in table, "the table for a mail")
    check_complaints(browser, page)


def check_other_pages(browser, program, trace, folder):
    """Pages of two traces, and of a trace that is cut off and says so."""
    half, two, cut = (f"{folder}/{name}" for name in ("half.trace", "two.html", "half.html"))
    with open(trace, "rb") as whole, open(half, "wb") as part:
        part.write(whole.read(os.path.getsize(trace) // 2))
    run(program, "report", trace, trace, "-s", "num-children,cow-context", "-o", two)
    browser.open(f"file://{two}")
    titles = browser.evaluate("[...document.querySelectorAll('h2')].map(h => h.textContent)")
    expect("Owners at the peak (trace 2)" in titles, f"parts of two traces: {titles}")
    check_complaints(browser, two)
    run(program, "report", half, "-s", "num-children", "-o", cut, status=65)
    browser.open(f"file://{cut}")
    said = browser.evaluate("[...document.querySelectorAll('main > .bad')].map(p => p.textContent)")
    expect(any(words.startswith("DAMAGED: ") for words in said), f"damage: {said}")
    check_complaints(browser, cut)


def take_screenshots(browser, page, folder):
    os.makedirs(folder, exist_ok=True)
    for width, height in WIDTHS.items():
        for theme in THEMES:
            browser.screen(width, height, theme)
            browser.open(f"file://{page}")
            browser.screenshot(f"{folder}/{width}-{theme}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("program")
    parser.add_argument("trace")
    parser.add_argument("--screenshots", metavar="DIR")
    options = parser.parse_args()
    program = chromium.find()
    if program is None:
        print("skipped: no Chromium here (Debian package chromium)")
        return 77
    with tempfile.TemporaryDirectory() as folder, chromium.Browser(program) as browser:
        page = f"{folder}/report.html"
        run(options.program, "report", options.trace, "-o", page)
        expect(os.path.getsize(page) <= 2 << 20, "the page is larger than 2 MiB")
        check_page(browser, page, json.loads(run(options.program, "compare", options.trace, "--json")),
                   json.loads(run(options.program, "export", options.trace, "--json")))
        check_other_pages(browser, options.program, options.trace, folder)
        if options.screenshots:
            take_screenshots(browser, page, options.screenshots)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
