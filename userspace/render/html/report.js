"use strict";
(function () {
	var place = document.getElementById("flame-data");
	if (!place)
		return;
	var data = JSON.parse(place.textContent);
	var names = data.names;
	var ROW = 18, NARROWEST = 0.0008;
	var search = document.getElementById("flame-search");
	var found = document.getElementById("flame-found");
	var graphs = [];
	var tools = document.querySelector(".tools");

	function duration(us) {
		if (us >= 1e6)
			return (us / 1e6).toFixed(us >= 1e8 ? 0 : 1) + " s";
		if (us >= 1e3)
			return (us / 1e3).toFixed(us >= 1e5 ? 0 : 1) + " ms";
		return us + " us";
	}

	function matches(name, word) {
		return word !== "" && name.toLowerCase().indexOf(word) >= 0;
	}

	/* Time below nodes that match, each counted once. */
	function sum(node, word) {
		if (matches(names[node[0]], word))
			return node[1];
		return (node[2] || []).reduce(function (all, child) { return all + sum(child, word); }, 0);
	}

	function button(graph, node, way, left, width, depth, above) {
		var b = document.createElement("button");
		var share = (100 * node[1] / graph.root[1]).toFixed(1) + "%";
		b.type = "button";
		b.textContent = names[node[0]];
		b.title = names[node[0]] + ": " + duration(node[1]) + ", " + share;
		b.setAttribute("aria-label", b.title);
		b.className = "f" + (node[0] % 3) + (matches(names[node[0]], graph.word) ? " hit" : "") + (above ? " above" : "");
		b.style.left = 100 * left + "%";
		b.style.width = 100 * width + "%";
		b.style.top = ROW * depth + "px";
		b.addEventListener("click", function () { zoom(graph, way); });
		graph.box.appendChild(b);
	}

	function draw(graph) {
		var top = graph.way[graph.way.length - 1], deepest = 0;

		function below(node, way, left, width, depth) {
			var at = left;
			deepest = Math.max(deepest, depth);
			button(graph, node, way, left, width, depth, false);
			(node[2] || []).slice().sort(function (a, b) { return b[1] - a[1]; }).forEach(function (child) {
				var w = width * child[1] / (node[1] || 1);
				if (w >= NARROWEST)
					below(child, way.concat([child]), at, w, depth + 1);
				at += w;
			});
		}
		graph.box.textContent = "";
		graph.way.slice(0, -1).forEach(function (node, i) {
			button(graph, node, graph.way.slice(0, i + 1), 0, 1, i, true);
		});
		below(top, graph.way, 0, 1, graph.way.length - 1);
		graph.box.style.height = ROW * (deepest + 1) + "px";
	}

	function zoom(graph, way) {
		graph.way = way;
		draw(graph);
		/* The focus stays on what was chosen, which has been drawn anew. */
		var chosen = graph.box.children[way.length - 1];
		if (chosen)
			chosen.focus({ preventScroll: true });
	}

	function reset() {
		graphs.forEach(function (graph) {
			graph.way = [graph.root];
			draw(graph);
		});
	}

	function look() {
		var word = search.value.toLowerCase(), all = 0, hit = 0;
		graphs.forEach(function (graph) {
			graph.word = word;
			draw(graph);
			all += graph.root[1];
			hit += sum(graph.root, word);
		});
		found.textContent = word === "" ? "" : "found " + duration(hit) + " of " + duration(all) + " (" + (100 * hit / (all || 1)).toFixed(1) + "%)";
	}

	Array.prototype.forEach.call(document.querySelectorAll(".flame"), function (box) {
		var root = data.graphs[box.getAttribute("data-graph")];
		if (root)
			graphs.push({ box: box, root: root, way: [root], word: "" });
	});
	tools.hidden = false;
	search.addEventListener("input", look);
	document.getElementById("flame-reset").addEventListener("click", reset);
	document.addEventListener("keydown", function (event) {
		if (event.key === "Escape")
			reset();
	});
	window.addEventListener("beforeprint", function () {
		Array.prototype.forEach.call(document.querySelectorAll("details"), function (d) { d.open = true; });
	});
	reset();
}());
