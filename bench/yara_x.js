/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scan a list of files with YARA-X, for bench.py.
 *
 * usage: node yara_x.js RULES LIST JOBS    print "RULE PATH" for each match
 *        node yara_x.js --check RULES      print the rule files that load
 *
 * RULES and LIST name one file a line.
 */
"use strict";
const fs = require("fs");
const yarax = require("@litko/yara-x");

const EXTERNALS = ["filename", "filepath", "extension", "filetype", "owner", "md5"];
const options = {
	defineVariables: Object.fromEntries(EXTERNALS.map((name) => [name, "dummy"])),
	relaxedReSyntax: true,
};

const linesOf = (path) => fs.readFileSync(path, "latin1").split("\n").filter((l) => l !== "");
const textOf = (files) => files.map((f) => fs.readFileSync(f, "utf8")).join("\n");

function loads(files) {
	try {
		yarax.compile(textOf(files), options);
		return true;
	} catch {
		return false;
	}
}

/* All files when they load together, else those that load after the ones before them. */
function loadable(files) {
	if (loads(files))
		return files;
	const alone = files.filter((f) => loads([f]));
	return loads(alone) ? alone : [];
}

async function scan(rules, list, jobs) {
	const scanner = yarax.compile(textOf(linesOf(rules)), options);
	const paths = linesOf(list);
	let next = 0;

	async function worker() {
		while (next < paths.length) {
			const path = Buffer.from(paths[next++], "latin1").toString();
			try {
				const matches = jobs > 1 ? await scanner.scanFileAsync(path)
					: scanner.scanFile(path);
				for (const m of matches)
					process.stdout.write(`${m.ruleIdentifier} ${path}\n`);
			} catch (e) {
				process.stderr.write(`${path}: ${e.message}\n`);
			}
		}
	}
	await Promise.all(Array.from({ length: jobs }, worker));
}

const [first, second, third] = process.argv.slice(2);
if (first === "--check")
	process.stdout.write(loadable(linesOf(second)).map((f) => f + "\n").join(""));
else
	scan(first, second, Number(third));
