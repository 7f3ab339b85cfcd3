#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_html.py PAGE FOLDER [SEARCH]: the HTML report in headless Chromium.

At three widths: no message on the console, nothing wider than the window, a screenshot into FOLDER.
Then a script that this check adds to a copy searches for SEARCH, zooms into a frame and back, and
says what it saw.  Without SEARCH the page is a hostile one: no script of the target's may run.
"""

import json
import os
import re
import struct
import subprocess
import sys

WIDTHS = (400, 900, 1400)

# Before all else in the page: what must not happen is counted.
FIRST = """<script>
window.seen = {errors: [], alerts: 0};
window.onerror = function (message) { window.seen.errors.push(String(message)); };
window.alert = function () { window.seen.alerts++; };
</script>"""

# After all else.  Measured in a window of the wanted width; textContent keeps the answer inert.
LAST = """<script>
(function () {
	var seen = window.seen;
	function buttons() { return document.querySelectorAll(".flame button").length; }
	seen.overflow = document.documentElement.scrollWidth - window.innerWidth;
	seen.scripts = document.scripts.length;
	seen.bold = document.querySelectorAll("b").length;
	seen.headings = document.querySelectorAll("h1").length;
	seen.unnamed = Array.prototype.filter.call(document.querySelectorAll("svg, .flame"), function (e) {
		return !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby");
	}).length;
	seen.frames = buttons();
	var search = document.getElementById("flame-search");
	if (search) {
		search.value = SEARCH;
		search.dispatchEvent(new Event("input"));
		seen.found = document.getElementById("flame-found").textContent;
		seen.hits = document.querySelectorAll(".flame button.hit").length;
		var hit = document.querySelector(".flame button.hit");
		if (hit) {
			seen.name = hit.textContent;
			hit.click();
			seen.focus = document.activeElement.textContent;
			seen.width = document.activeElement.style.width;
			seen.zoomed = buttons();
		}
		document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
		seen.back = buttons();
	}
	var pre = document.createElement("pre");
	pre.id = "seen";
	pre.textContent = "SEEN" + JSON.stringify(seen) + "NEES";
	document.body.appendChild(pre);
}());
</script>"""


def chromium(folder, width, page, *more):
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--hide-scrollbars", "--user-data-dir=" + os.path.join(folder, "profile"), "--enable-logging=stderr",
               "--window-size=%d,1200" % width, *more, "file://" + os.path.abspath(page)]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    if done.returncode != 0 or said:
        sys.exit("chromium at %d: status %d, console: %s" % (width, done.returncode, said))
    return done.stdout.decode(errors="replace")


def look(page, folder, width, search):
    with open(page, encoding="utf-8") as f:
        text = f.read()
    text = text.replace("<head>", "<head>" + FIRST, 1)
    text = text.replace("</body>", LAST.replace("SEARCH", json.dumps(search)) + "</body>", 1)
    copy = os.path.join(folder, "copy.html")
    with open(copy, "w", encoding="utf-8") as f:
        f.write(text)
    dom = chromium(folder, width, copy, "--dump-dom")
    match = re.search(r'<pre id="seen">SEEN(.*)NEES</pre>', dom, re.S)
    if not match:
        sys.exit("the page's own script did not come to its end")
    answer = match.group(1)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        answer = answer.replace(entity, char)
    return json.loads(answer)


def shoot(page, folder, width):
    path = os.path.join(folder, "page-%d.png" % width)
    chromium(folder, width, page, "--screenshot=" + path)
    with open(path, "rb") as f:
        head = f.read(24)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">I", head[16:20])[0] != width:
        sys.exit("%s is no screenshot of that width" % path)


def main(argv):
    if len(argv) not in (3, 4):
        sys.exit("usage: check_html.py PAGE FOLDER [SEARCH]")
    page, folder = argv[1:3]
    search = argv[3] if len(argv) == 4 else ""
    wrong = []

    def expect(what, holds, seen):
        if not holds:
            wrong.append("%s: %s" % (what, seen))

    for width in WIDTHS:
        shoot(page, folder, width)
        seen = look(page, folder, width, search)
        expect("errors at %d" % width, not seen["errors"] and seen["alerts"] == 0, seen)
        expect("wider than %d" % width, seen["overflow"] <= 0, seen["overflow"])
    # Ours: two of the page's (data, code), two of this check.
    expect("scripts", seen["scripts"] == 4, seen["scripts"])
    expect("headings", seen["headings"] == 1, seen["headings"])
    expect("drawings without a name", seen["unnamed"] == 0, seen["unnamed"])
    expect("frames", seen["frames"] > 3, seen["frames"])
    expect("frames after Escape", seen["back"] == seen["frames"], (seen["frames"], seen["back"]))
    if search:
        expect("hits", seen["hits"] > 0 and search in seen["name"], seen)
        expect("found", re.match(r"found .* of .* \(\d+\.\d%\)$", seen["found"]), seen["found"])
        expect("zoom", seen["focus"] == seen["name"] and seen["width"] == "100%", seen)
    expect("size", os.path.getsize(page) < 1000000, os.path.getsize(page))
    if wrong:
        sys.exit("; ".join(wrong))
    print("%d bytes, %d frames%s" % (os.path.getsize(page), seen["frames"], ", " + seen["found"] if search else ""))


if __name__ == "__main__":
    main(sys.argv)
